/** Calls that were cancelled before they were begun: this node remembers them for a while, and does not begin them. */
import type { Clock } from '../../ground/clock.ts';
import type { Delivery } from '../delivery.ts';
import type { Gate, Refusal } from '../gate.ts';

/** How long a cancelled call is remembered, ms: what waits longer than that in a mailbox is run. */
const KEPT_MS = 60_000;
/** Most that are remembered; the oldest give way. */
const MOST = 10_000;
const END: Refusal = { kind: 'end' };

export class Cancelled implements Gate {
  readonly #clock: Clock;
  /** Caller and correlation → until when, on `elapsed()`; the oldest first. */
  readonly #calls = new Map<string, number>();
  #lastUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#calls.size;
  }

  remember(caller: string, correlation: number): void {
    const now = this.#clock.elapsed();
    for (const [call, until] of this.#calls) {
      if (until > now && this.#calls.size < MOST) break;
      this.#calls.delete(call);
    }
    this.#lastUntil = now + KEPT_MS;
    this.#calls.set(`${caller} ${correlation}`, this.#lastUntil);
  }

  enter(delivery: Delivery): Refusal | undefined {
    if (this.#calls.size === 0 || !delivery.isCall) return undefined;
    const now = this.#clock.elapsed();
    if (now > this.#lastUntil) {
      this.#calls.clear();
      return undefined;
    }
    const until = this.#calls.get(`${delivery.caller} ${delivery.envelope.correlation}`);
    return until !== undefined && until > now ? END : undefined;
  }
}
