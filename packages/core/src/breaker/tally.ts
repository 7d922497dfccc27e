/** Outcomes that are yet to be told. */
import type { BreakerTally } from '../ports/breakers.ts';

export const EMPTY_TALLY: BreakerTally = { successes: 0, failures: 0, trailingFailures: 0 };

/** What happened, then what happened after it, as one. */
export function sumOfTallies(earlier: BreakerTally, later: BreakerTally): BreakerTally {
  return {
    successes: earlier.successes + later.successes,
    failures: earlier.failures + later.failures,
    trailingFailures: later.successes > 0 ? later.trailingFailures : earlier.trailingFailures + later.trailingFailures,
  };
}

/** Counters that outcomes are added to: the hot end, so that they cost nothing but an addition. */
export class Tally {
  successes = 0;
  failures = 0;
  trailing = 0;

  get empty(): boolean {
    return this.successes === 0 && this.failures === 0;
  }

  succeeded(): void {
    this.successes += 1;
    this.trailing = 0;
  }

  failed(): void {
    this.failures += 1;
    this.trailing += 1;
  }

  peek(): BreakerTally {
    return { successes: this.successes, failures: this.failures, trailingFailures: this.trailing };
  }

  take(): BreakerTally {
    const taken = this.peek();
    this.successes = 0;
    this.failures = 0;
    this.trailing = 0;
    return taken;
  }
}
