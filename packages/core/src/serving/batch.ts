/** A claimed frame in this node's hands: which of its envelopes have ended, and how. */
import type { Claim, HistoryItem, Settlement } from '../ports/broker.ts';
import type { LineIntake } from './line-intake.ts';
import type { Frame } from '../wire/frame.ts';

/** How an envelope that does not simply succeed leaves the entry. */
export interface Leaving {
  readonly index: number;
  /** Retry not before this moment (backend time, ms); absent: it is dead. */
  readonly at?: number;
  /** Deliveries it has spent when it leaves. */
  readonly deliveries: number;
  /** Why it is dead; empty for a retry. */
  readonly reason: string;
  readonly history: HistoryItem;
}

const WAITS = 1;
/** Settled before it is run: still in hand here, and nowhere else. */
const SETTLED = 2;

export class Batch {
  readonly claim: Claim;
  readonly frame: Frame;
  /** When it was claimed, on the clock's `elapsed()`, ms. */
  readonly claimedAt: number;
  /** Set when the node was evicted or handed it back: nothing of it is settled by us any more. */
  dropped = false;
  /** Nothing of it is left in the backend, though some of it may run here. */
  gone = false;
  /** Envelopes that have not ended. */
  remaining: number;
  /** Where the dispatcher looks for the next one to start. */
  cursor = 0;
  /** Envelopes that have started and not ended; one whose reply has not arrived yet has not ended. */
  running = 0;
  /** One envelope at a time with a start mark, because two nodes died with this entry in their hands. */
  readonly suspect: boolean;
  /** By which line of its mailbox it came; undefined where there is but one. */
  line: LineIntake | undefined = undefined;
  /** Ended since the last settlement that told the backend. */
  untold = 0;
  leaving: Leaving[] = [];
  readonly #state: Uint8Array;

  constructor(claim: Claim, frame: Frame, claimedAt: number, suspect: boolean) {
    this.claim = claim;
    this.frame = frame;
    this.claimedAt = claimedAt;
    this.suspect = suspect;
    this.#state = new Uint8Array(claim.count);
    this.remaining = 0;
    for (let index = 0; index < claim.count; index += 1) {
      if (claim.todo !== undefined && claim.todo[index] !== '1') continue;
      this.#state[index] = WAITS;
      this.remaining += 1;
    }
  }

  isTodo(index: number): boolean {
    return this.#state[index] === WAITS;
  }

  /** Envelope `index` is settled before it is run: what to tell the backend. */
  settleFirst(index: number): Settlement {
    this.#state[index] = SETTLED;
    const { claim } = this;
    const todo = this.todo();
    this.gone = !todo.includes('1');
    return this.gone ? { kind: 'done', claim } : { kind: 'progress', claim, todo };
  }

  /** Envelope `index` has ended; answers false when it had before. */
  end(index: number): boolean {
    if (this.#state[index] !== WAITS && this.#state[index] !== SETTLED) return false;
    this.#state[index] = 0;
    this.remaining -= 1;
    this.untold += 1;
    return true;
  }

  /** The mask of what is still to do. */
  todo(): string {
    let mask = '';
    for (const state of this.#state) mask += state === WAITS ? '1' : '0';
    return mask;
  }

  /** Names the message of envelope `index`, among all of its actor. */
  messageId(index: number): string {
    return `${this.frame.from}/${this.frame.number}.${index}`;
  }

  /** What happened before: JSON of `HistoryItem[]`. */
  get history(): string | undefined {
    return this.claim.history;
  }

  /** Deliveries that envelope `index` had spent before this one. */
  spent(index: number): number {
    const { claim } = this;
    // Alone in its entry it is what the dead nodes were working on; among others only a start mark tells.
    const crashes = claim.count === 1 ? claim.crashes : 0;
    return claim.deliveries + crashes + (claim.charges?.get(index) ?? 0);
  }
}

export function maskOf(count: number, indices: readonly number[]): string {
  const mask = new Array<string>(count).fill('0');
  for (const index of indices) mask[index] = '1';
  return mask.join('');
}
