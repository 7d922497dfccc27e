/** Gives places to what waits for them, as long as there are any: claimed messages and calls of this process take turns. */
import type { Batch } from './batch.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import type { Endings } from './endings.ts';
import { codeOf } from '../ground/errors.ts';
import type { Lines } from './lines.ts';
import type { LocalDeliveries } from './local-delivery.ts';
import type { MailboxIntake } from './mailbox-intake.ts';
import type { Places } from './places.ts';
import type { Starting } from './starting.ts';
import type { WaitingLine } from './waiting-batches.ts';

/** What waits, what for, and what becomes of it. */
export interface PumpParts {
  readonly places: Places;
  readonly waiting: WaitingLine;
  readonly local: LocalDeliveries;
  readonly intake: MailboxIntake;
  /** Undefined: the mailbox has but one. */
  readonly lines: Lines | undefined;
  readonly starting: Starting;
  readonly endings: Endings;
}

export class Pump {
  readonly #needs: DispatcherNeeds;
  readonly #places: Places;
  readonly #waiting: WaitingLine;
  readonly #local: LocalDeliveries;
  readonly #intake: MailboxIntake;
  readonly #lines: Lines | undefined;
  readonly #starting: Starting;
  readonly #endings: Endings;
  #pumping = false;
  /** Whose turn it is when both claims and local calls wait for a place. */
  #localTurn = false;

  constructor(needs: DispatcherNeeds, { places, waiting, local, intake, lines, starting, endings }: PumpParts) {
    this.#needs = needs;
    this.#places = places;
    this.#waiting = waiting;
    this.#local = local;
    this.#intake = intake;
    this.#lines = lines;
    this.#starting = starting;
    this.#endings = endings;
  }

  /** Starts what there is room for, and claims more when there is room left. */
  run(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      this.#startWaiting();
    } finally {
      this.#pumping = false;
    }
    this.#lines?.wake();
    this.#intake.wake();
  }

  /** An entry has left, or the next envelope of a suspect one may start. */
  freed(batch: Batch): void {
    if (batch.dropped) this.#waiting.forget(batch);
    else if (batch.suspect && batch.remaining > 0 && this.#places.open) this.#waiting.add(batch);
    this.run();
  }

  #startWaiting(): void {
    const places = this.#places;
    const capacity = places.capacity.available;
    if (!places.open) {
      if (this.#local.waiting > 0) this.#local.startNext(true);
      return;
    }
    if (this.#lines !== undefined) this.#startControl(this.#lines);
    while (places.taken < capacity && places.open) {
      if (this.#local.waiting > 0 && places.hasRoomHere && (this.#localTurn || this.#waiting.envelopes === 0)) {
        this.#localTurn = false;
        this.#local.startNext(false);
        continue;
      }
      const batch = this.#waiting.next();
      if (batch === undefined) return;
      this.#localTurn = true;
      if (batch.suspect) void this.#startMarked(batch, this.#waiting.index);
      else this.#starting.start(batch, this.#waiting.index);
    }
  }

  /** The runtime's own messages need no place. */
  #startControl(lines: Lines): void {
    for (let batch = lines.nextControl(); batch !== undefined; batch = lines.nextControl()) {
      if (batch.suspect) void this.#startMarked(batch, lines.index);
      else this.#starting.start(batch, lines.index);
    }
  }

  /** One envelope of an entry that killed two nodes, alone and with a start mark. */
  async #startMarked(batch: Batch, index: number): Promise<void> {
    batch.running += 1;
    this.#places.start(batch);
    let marked = false;
    try {
      if (batch.untold > 0) this.#endings.flush(batch);
      await this.#needs.mark(batch, index);
      marked = true;
    } catch (thrown) {
      this.#needs.log.warn(
        { evt: 'mark_failed', entry: batch.claim.id, code: codeOf(thrown) },
        'a start mark could not be written; the entry is handed back',
      );
    }
    batch.running -= 1;
    this.#places.end(batch);
    if (!marked || !this.#places.open) this.#endings.handBackOne(batch);
    else if (!batch.dropped) this.#starting.start(batch, index);
    this.run();
  }
}
