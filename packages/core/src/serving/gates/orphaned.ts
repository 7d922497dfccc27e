/** Work whose sender wanted it skipped once it is gone itself: `orphan: 'skip'`. */
import type { Log } from '../../ground/log.ts';
import type { Delivery } from '../delivery.ts';
import type { Gate, Refusal } from '../gate.ts';

export interface OrphanedNeeds {
  readonly log: Log;
  /** Whether a node is surely no member any more. Must not reject. */
  isGone(nodeId: string): boolean | Promise<boolean>;
}

const END: Refusal = { kind: 'end' };

export class Orphaned implements Gate {
  readonly ofExtras = true;
  readonly #needs: OrphanedNeeds;

  constructor(needs: OrphanedNeeds) {
    this.#needs = needs;
  }

  enter(delivery: Delivery): Refusal | undefined | Promise<Refusal | undefined> {
    if (delivery.envelope.extras?.orphan !== 'skip' || isBegun(delivery)) return undefined;
    const gone = this.#needs.isGone(delivery.caller);
    return gone instanceof Promise ? gone.then((known) => this.#judged(delivery, known)) : this.#judged(delivery, gone);
  }

  #judged({ method, messageId }: Delivery, gone: boolean): Refusal | undefined {
    if (!gone) return undefined;
    this.#needs.log.debug(
      { evt: 'orphan_skipped', method, messageId },
      'its sender is gone, and wanted it skipped then',
    );
    return END;
  }
}

/** What has begun with an id is not given up: others may have left it to this run. */
function isBegun({ id, attempt, batch }: Delivery): boolean {
  return id !== undefined && (attempt > 1 || batch.claim.crashes > 0);
}
