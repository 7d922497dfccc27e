/** What a breaker remembers of the last seconds: outcomes in ten buckets by absolute time, and which nodes saw failures. */
import type { BreakerTally } from '../ports/breakers.ts';

interface BreakerBucket {
  /** Where it begins: a multiple of a tenth of the window, ms since the epoch. */
  readonly at: number;
  readonly successes: number;
  readonly failures: number;
}

/** When a node last saw a failure, ms since the epoch. */
interface FailingNode {
  readonly node: string;
  readonly at: number;
}

export interface BreakerWindow {
  /** Of the policy that was in force at the last outcome, ms. */
  readonly windowMs: number;
  readonly buckets: readonly BreakerBucket[];
  readonly failing: readonly FailingNode[];
}

/** Buckets that a window is kept in. */
const STEPS = 10;

export const EMPTY_WINDOW: BreakerWindow = { windowMs: 0, buckets: [], failing: [] };

export function withOutcomes(
  window: BreakerWindow,
  tally: BreakerTally,
  windowMs: number,
  now: number,
  by: string,
): BreakerWindow {
  const at = bucketStart(windowMs, now);
  const { buckets, failing } = windowAt({ ...window, windowMs }, now);
  const current = buckets.find((bucket) => bucket.at === at) ?? { at, successes: 0, failures: 0 };
  return {
    windowMs,
    buckets: [
      ...buckets.filter((bucket) => bucket !== current),
      { at, successes: current.successes + tally.successes, failures: current.failures + tally.failures },
    ],
    failing: tally.failures > 0 ? [...failing.filter(({ node }) => node !== by), { node: by, at: now }] : failing,
  };
}

/** What of it still counts: the bucket of this moment and the nine before it. */
export function windowAt(window: BreakerWindow, now: number): BreakerWindow {
  const { windowMs } = window;
  const last = bucketStart(windowMs, now);
  return {
    windowMs,
    buckets: window.buckets.filter(({ at }) => at > last - windowMs && at <= last),
    failing: window.failing.filter(({ at }) => at > now - windowMs && at <= now),
  };
}

export function sumOf(window: BreakerWindow): { readonly successes: number; readonly failures: number } {
  let successes = 0;
  let failures = 0;
  for (const bucket of window.buckets) {
    successes += bucket.successes;
    failures += bucket.failures;
  }
  return { successes, failures };
}

function bucketStart(windowMs: number, now: number): number {
  const stepMs = Math.max(1, Math.floor(windowMs / STEPS));
  return now - (now % stepMs);
}
