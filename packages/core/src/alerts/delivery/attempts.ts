/** Hands notices over, and keeps account of what comes of it. */
import type { Log } from '../../ground/log.ts';
import type { DeliveryCounters } from './counters.ts';
import type { Failures } from './failures.ts';
import type { Told } from './hand-over.ts';

export interface AttemptsNeeds {
  /** What has failed so often is given up; undefined: never. */
  readonly maxAttempts: number | undefined;
  readonly failures: Failures;
  readonly counters: DeliveryCounters;
  readonly log: Log;
  /** Rejects when it could not be delivered. */
  handOver(told: Told): Promise<void>;
}

export type Outcome = 'delivered' | 'failed' | 'given-up';

export class Attempts {
  readonly #needs: AttemptsNeeds;

  constructor(needs: AttemptsNeeds) {
    this.#needs = needs;
  }

  /** Never rejects. */
  async make(told: Told): Promise<Outcome> {
    const { maxAttempts, failures, counters, handOver } = this.#needs;
    const { record, attempt, digest, notice } = told;
    // A digest of its own stands for one notice, as that of a storm does.
    const stands = digest === undefined || digest === notice.digest ? 1 : digest.total;
    try {
      await handOver(told);
    } catch (thrown) {
      counters.failed += 1;
      failures.failed(record, attempt, thrown);
      if (attempt !== maxAttempts) return 'failed';
      counters.givenUp += stands;
      this.#giveUp(told);
      return 'given-up';
    }
    counters.delivered += stands;
    failures.succeeded();
    return 'delivered';
  }

  close(): void {
    this.#needs.failures.close();
  }

  #giveUp({ record: { id }, notice: { n }, attempt }: Told): void {
    const { log } = this.#needs;
    log.error({ evt: 'alert_given_up', alert: id, notice: n, attempts: attempt }, 'not told any more');
  }
}
