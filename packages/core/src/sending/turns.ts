/** Those of one node that stand in line for room in a mailbox, until they are told or have waited long enough. For backends. */
import type { Timers } from '../ground/clock.ts';
import { pause } from '../ground/pause.ts';

/** Whoever was not told tries again after this long, ms: from three quarters of it to five. */
const BACKSTOP_MS = 1_000;

export class Turns {
  readonly #timers: Timers;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Resolves when the turn comes, after about a second, or when the signal aborts. */
  async wait(mailbox: string, signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const others = this.#waiting.get(mailbox) ?? new Set();
    this.#waiting.set(mailbox, others.add(end));
    await pause(this.#timers, BACKSTOP_MS * (0.75 + Math.random() / 2), AbortSignal.any([signal, ending.signal]));
    others.delete(end);
    if (others.size === 0) this.#waiting.delete(mailbox);
  }

  /** It is this node's turn. */
  came(mailbox: string): void {
    for (const end of this.#waiting.get(mailbox) ?? []) end();
  }
}
