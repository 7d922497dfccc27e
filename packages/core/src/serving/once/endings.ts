/** How deliveries with an id end: the answer is kept first, then it leaves, then the entry is settled. */
import type { Delivery } from '../delivery.ts';
import type { Endings } from '../endings.ts';
import { HandlerError, messageOf } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import { encodeBody } from '../../wire/frame.ts';
import { toWireError, type WireError } from '../../wire/envelope.ts';
import type { Answer } from './answer.ts';
import { stands } from './rules.ts';
import type { Fate, OnceRuns } from './runs.ts';

/** The endings that pass by here. */
export type Ends = Pick<Endings, 'succeeded' | 'succeededWithBytes' | 'failed' | 'refused'>;

export interface OnceEndingsNeeds {
  readonly runs: OnceRuns;
  readonly endings: Endings;
  readonly log: Log;
  readonly maxBodyBytes: number;
}

export class OnceEndings implements Ends {
  readonly #needs: OnceEndingsNeeds;

  constructor(needs: OnceEndingsNeeds) {
    this.#needs = needs;
  }

  succeeded(delivery: Delivery, value: unknown): void {
    const { runs, endings, log, maxBodyBytes } = this.#needs;
    if (!runs.holds(delivery)) return endings.succeeded(delivery, value);
    try {
      this.succeededWithBytes(delivery, encodeBody(value, maxBodyBytes));
    } catch (thrown) {
      log.warn(
        { evt: 'reply_unsendable', method: delivery.method, reason: messageOf(thrown) },
        'an answer could not be encoded',
      );
      const error = unsendable(thrown);
      // A cast that has run is done, whatever its handler returned.
      const leave = delivery.isCall ? () => endings.failed(delivery, error) : () => endings.skipped(delivery);
      this.#end(delivery, 'keep', { failed: true, error }, leave);
    }
  }

  succeededWithBytes(delivery: Delivery, body: Uint8Array | undefined): void {
    const { runs, endings } = this.#needs;
    if (!runs.holds(delivery)) return endings.succeededWithBytes(delivery, body);
    this.#end(delivery, 'keep', { failed: false, body }, () => endings.succeededWithBytes(delivery, body));
  }

  failed(delivery: Delivery, error: WireError): void {
    const { runs, endings } = this.#needs;
    const verdict = endings.verdict(delivery, error);
    const leave = (): void => endings.failed(delivery, error, verdict);
    // What comes again under the same name, and what runs on though nobody waits for it any more, keeps its id.
    const holdsOn = verdict.kind === 'retry' || delivery.runsOn || endings.isOthers(delivery);
    if (!runs.holds(delivery) || holdsOn) leave();
    else this.#end(delivery, this.#fateOf(delivery, error), { failed: true, error }, leave);
  }

  /** Its handler was not run here; it may have been elsewhere, by whoever died of it. */
  refused(delivery: Delivery, reason: string): void {
    const { endings } = this.#needs;
    const leave = (): void => endings.refused(delivery, reason);
    if (endings.isOthers(delivery)) return leave();
    const thrown = new HandlerError(`the first message with this id ended without an answer: ${reason}`, {
      retryable: reason === 'EXPIRED',
      outcome: 'unknown',
    });
    this.#end(delivery, 'drop', { failed: true, error: { ...toWireError(thrown), code: reason } }, leave);
  }

  /** A handler that was given up has ended after all: nobody waits for it but those with the same id. */
  late(delivery: Delivery, answer: Answer): void {
    if (!this.#needs.runs.holds(delivery)) return;
    const fate = answer.failed ? this.#fateOf(delivery, answer.error) : 'keep';
    this.#end(delivery, fate, answer, () => undefined);
  }

  lateValue(delivery: Delivery, value: unknown): void {
    try {
      this.late(delivery, { failed: false, body: encodeBody(value, this.#needs.maxBodyBytes) });
    } catch (thrown) {
      this.#end(delivery, 'keep', { failed: true, error: unsendable(thrown) }, () => undefined);
    }
  }

  #fateOf(delivery: Delivery, error: WireError): Fate {
    const { runs } = this.#needs;
    const { isCall, aborted: stopped, method } = delivery;
    return stands(error, { stopped, isCall, atMostOnce: runs.runsAtMostOnce(method) }) ? 'keep' : 'free';
  }

  #end(delivery: Delivery, fate: Fate, answer: Answer, leave: () => void): void {
    void this.#needs.runs.end(delivery, fate, answer).then((mayLeave) => {
      if (mayLeave) leave();
    });
  }
}

function unsendable(thrown: unknown): WireError {
  return { ...toWireError(thrown), details: undefined, outcome: 'failed' };
}
