/** How long the event loop made others wait. */
import type { Verdict } from './hysteresis.ts';

/** Between two samples, ms: a delay is seen shorter by this at most. */
const SAMPLE_MS = 100;
/** An event loop that stands for longer than this part of `stallMs` degrades its node. */
const DEGRADED_SHARE = 0.5;
/** The worst of so many beats counts, so that one calm beat does not hide the last stall. */
const BEATS = 3;

export interface LoopDelay {
  /** The longest delay since this was last asked, ms. */
  takeMs(): number;
  close(): void;
}

/**
 * By a timer of its own, which costs a thousandth of a core. `monitorEventLoopDelay` of Node costs more at its usual
 * resolution, and forgets what it was measuring when it is reset.
 */
export function measureLoopDelay(): LoopDelay {
  let longest = 0;
  let last = performance.now();
  const sample = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last - SAMPLE_MS);
    last = now;
  };
  const timer = setInterval(sample, SAMPLE_MS);
  timer.unref();
  return {
    takeMs: () => {
      // A delay that ends just now may not have been sampled yet.
      const standing = performance.now() - last - SAMPLE_MS;
      const taken = Math.max(longest, standing);
      longest = 0;
      return taken;
    },
    close: () => clearInterval(timer),
  };
}

/** The delays of the last beats. */
export class LoopDelays {
  readonly #delays: number[] = [];

  /** In the last beat, ms. */
  get lastMs(): number {
    return this.#delays.at(-1) ?? 0;
  }

  add(delayMs: number): void {
    this.#delays.push(delayMs);
    if (this.#delays.length > BEATS) this.#delays.shift();
  }

  /** `stallMs` makes a node unhealthy. The reason says the limit and not the delay: it changes only with the status. */
  judge(stallMs: number): Verdict {
    const worst = Math.max(0, ...this.#delays);
    const degradedMs = stallMs * DEGRADED_SHARE;
    if (worst > stallMs) return { status: 'unhealthy', reason: `it stood for more than ${stallMs} ms` };
    if (worst > degradedMs) return { status: 'degraded', reason: `it stood for more than ${degradedMs} ms` };
    return { status: 'healthy' };
  }
}
