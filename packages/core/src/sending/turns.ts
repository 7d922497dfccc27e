/** Those of one node that stand in line for room in a mailbox, until they are told or have waited long enough. For backends. */
import type { Timers } from '../ground/clock.ts';

/** Whoever was not told tries again after this long, ms: from three quarters of it to five. */
const BACKSTOP_MS = 1_000;
/** A turn that nobody here has used by then is for the next, ms. */
const UNUSED_MS = 200;

export class Turns {
  readonly #timers: Timers;
  readonly #pass: (mailbox: string) => void;
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Turns that have come and are not used yet → keeps them from being passed on. */
  readonly #given = new Map<string, () => void>();

  /** @param pass gives a turn that nobody here wants any more to the next in line. Must not throw. */
  constructor(timers: Timers, pass: (mailbox: string) => void) {
    this.#timers = timers;
    this.#pass = pass;
  }

  /** Resolves when the turn comes, or has come before, after about a second, or when the signal aborts. */
  wait(mailbox: string, signal: AbortSignal): Promise<void> {
    // It may be here sooner than the answer that says that there is something to wait for.
    if (signal.aborted || this.#given.has(mailbox)) return Promise.resolve();
    const others = this.#waiting.get(mailbox) ?? new Set();
    this.#waiting.set(mailbox, others);
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', end);
        others.delete(end);
        if (others.size === 0) this.#waiting.delete(mailbox);
        resolve();
      };
      const cancel = this.#timers.setTimer(BACKSTOP_MS * (0.75 + Math.random() / 2), end);
      signal.addEventListener('abort', end, { once: true });
      others.add(end);
    });
  }

  /** It is this node's turn. */
  came(mailbox: string): void {
    this.used(mailbox);
    const cancel = this.#timers.setTimer(UNUSED_MS, () => {
      this.#given.delete(mailbox);
      this.#pass(mailbox);
    });
    this.#given.set(mailbox, cancel);
    for (const end of this.#waiting.get(mailbox) ?? []) end();
  }

  /** Somebody here appends who stands in line, or will. */
  used(mailbox: string): void {
    this.#given.get(mailbox)?.();
    this.#given.delete(mailbox);
  }
}
