/** Keeps no more dead letters of an actor than it says: the oldest are dropped, and that is told. */
import type { Actor } from '../contract/actor.ts';
import { mailboxesOf } from '../contract/lines.ts';
import type { Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Broker } from '../ports/broker.ts';
import { partitionName } from '../ports/partitions.ts';

/** A message is told of before it is in its grave, and many die together: looked at this much later, ms. */
const AFTER_MS = 1_000;
/** Dropped at once. */
const PAGE = 64;

export interface DeadBoundNeeds {
  readonly broker: Pick<Broker, 'depth' | 'dead' | 'drop'>;
  readonly timers: Timers;
  readonly log: Log;
  /** So many messages were dropped. */
  dropped(mailbox: string, count: number): void;
}

export class DeadBound {
  readonly #needs: DeadBoundNeeds;
  readonly #mailbox: string;
  /** Its lines or partitions: each keeps its part. */
  readonly #places: readonly string[];
  readonly #most: number;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(needs: DeadBoundNeeds, { contract, policy }: Actor, maxDead: number) {
    this.#needs = needs;
    this.#mailbox = contract.mailbox;
    this.#places =
      policy.keyed === undefined
        ? mailboxesOf(contract)
        : Array.from({ length: policy.keyed.partitions }, (_, part) => partitionName(contract.mailbox, part));
    this.#most = Math.ceil(maxDead / this.#places.length);
  }

  /** Something has become a dead letter here. */
  buried(): void {
    if (!this.#closed) this.#cancel ??= this.#needs.timers.setTimer(AFTER_MS, () => void this.#look());
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    this.#cancel = undefined;
    const { log, dropped } = this.#needs;
    const mailbox = this.#mailbox;
    try {
      let count = 0;
      for (const place of this.#places) count += await this.#trim(place);
      if (count === 0) return;
      log.warn(
        { evt: 'dead_dropped', mailbox, count },
        'there are more dead letters than are kept: the oldest are gone',
      );
      dropped(mailbox, count);
    } catch (thrown) {
      log.debug({ evt: 'dead_bound_failed', mailbox, reason: messageOf(thrown) }, 'it is tried again');
      this.buried();
    }
  }

  /** Other nodes may be at it as well: each letter is dropped, and counted, once. */
  async #trim(place: string): Promise<number> {
    const { broker } = this.#needs;
    let count = 0;
    for (;;) {
      const { dead } = await broker.depth(place);
      if (this.#closed || dead <= this.#most) return count;
      const oldest = await broker.dead(place, { limit: Math.min(PAGE, dead - this.#most) });
      if (oldest.length === 0) return count;
      const gone = await Promise.all(oldest.map(({ id, todo }) => broker.drop(place, id, todo)));
      for (const [at, { todo }] of oldest.entries()) if (gone[at] === true) count += todo.replaceAll('0', '').length;
    }
  }
}
