/** Lets go at once of what was held back when that which held it back ends sooner than was thought. */
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { AlertRecord } from './alert.ts';
import { STORM } from './raise-schema.ts';
import type { AlertView, ViewChange } from './view.ts';

export interface ReleasesNeeds {
  readonly view: AlertView;
  readonly log: Log;
  /** How many living nodes are before this one when it comes to the fingerprint. */
  rank(fingerprint: string): number;
  /** Asks again whether it may be told. */
  release(fingerprint: string): Promise<unknown>;
}

export class Releases {
  readonly #needs: ReleasesNeeds;
  readonly #off: () => void;
  /** What is held back. */
  readonly #held = new Map<string, AlertRecord>();

  constructor(needs: ReleasesNeeds) {
    this.#needs = needs;
    this.#off = needs.view.onChange((change) => this.#changed(change));
  }

  /** A silence was taken away. */
  unsilenced(): void {
    this.#release(({ held }) => held?.by === 'silence');
  }

  close(): void {
    this.#off();
  }

  #changed({ fingerprint, before, after }: ViewChange): void {
    if (after?.held === undefined) this.#held.delete(fingerprint);
    else this.#held.set(fingerprint, after);
    if (before === undefined || before.state === 'resolved') return;
    if (after !== undefined && after.state !== 'resolved') return;
    if (fingerprint === STORM) this.#release(({ held }) => held?.by === 'storm');
    this.#release(
      ({ held, causedBy }) => held?.by === 'inhibition' && (causedBy === fingerprint || causedBy === before.id),
    );
  }

  /** One node does this. If it dies meanwhile, the clock of what is held does it later. */
  #release(isMeant: (record: AlertRecord) => boolean): void {
    const { log, rank, release } = this.#needs;
    for (const record of [...this.#held.values()]) {
      if (!isMeant(record) || rank(record.fingerprint) !== 0) continue;
      release(record.fingerprint).catch((thrown: unknown) => {
        log.debug({ evt: 'alert_release_failed', reason: messageOf(thrown) }, 'its clock does it later');
      });
    }
  }
}
