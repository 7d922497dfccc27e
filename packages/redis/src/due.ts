/** Wakes when the next frame of a lane is due. Beats move what is due as well; this one is on time. */
import type { Ground } from './ground.ts';
import type { LaneKeys } from './keys.ts';
import { run } from './script.ts';

/** Frames moved by one script. */
export const MOST_MOVED = 128;
/** A timer never sleeps longer, ms. */
const LONGEST_SLEEP_MS = 60 * 60 * 1000;

export class DueTimer {
  readonly #ground: Ground;
  readonly #keys: LaneKeys;
  #at = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(ground: Ground, keys: LaneKeys) {
    this.#ground = ground;
    this.#keys = keys;
  }

  /** Something is due at `at` (backend time, ms). */
  arm(at: number): void {
    if (this.#closed || at >= this.#at) return;
    this.#at = at;
    clearTimeout(this.#timer);
    const sleepMs = Math.min(LONGEST_SLEEP_MS, Math.max(0, Math.ceil(at - this.#ground.time.now())));
    this.#timer = setTimeout(() => void this.#fire(), sleepMs);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #fire(): Promise<void> {
    const due = this.#at;
    this.#at = Infinity;
    if (due > this.#ground.time.now() + 1) {
      this.arm(due);
      return;
    }
    try {
      for (;;) {
        const [, more, next] = await run<[moved: number, more: number, next: string]>(
          this.#ground.command,
          'due',
          [this.#keys.due, this.#keys.dueFrames],
          [this.#keys.prefix, MOST_MOVED],
        );
        if (more === 1) continue;
        if (next !== '') this.arm(Number(next));
        return;
      }
    } catch {
      // The next beat moves what is due.
    }
  }
}
