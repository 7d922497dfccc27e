/** How well something does, from 0 to 1: by how fast its probes answer, and by how its work ends. Pure. */

/** A probe that answers within this time, ms, counts in full; a slower one in proportion. */
const FULL_SCORE_MS = 100;
/** Weight of a new probe in its smoothed score. */
const PROBE_WEIGHT = 0.3;
/** Weight of a new measurement in a smoothed time. */
const TIME_WEIGHT = 0.1;
/** Slow is no failure: in the smoothed score a probe that passed counts at least this, more than any limit below. */
const SLOW_SCORE = 0.4;

/** What a failure takes from the score of outcomes: fast down. */
const OUTCOME_DOWN = 0.2;
/** What a success gives to it: slow up. */
const OUTCOME_UP = 0.1;
/** An instance whose score of outcomes falls below this is sent nothing any more. */
export const OUT_BELOW = 0.5;
/** It is sent something again once its score has come back to this. */
export const BACK_AT = 0.8;

/** The limits of `isHealthy`: each of them alone is enough. */
export interface HealthLimits {
  /** Least score. */
  readonly minScore: number;
  /** Longest smoothed response time of its probes, ms. */
  readonly maxResponseMs: number;
  /** Largest share of failed work, 0 to 1. */
  readonly maxErrorRate: number;
}

export const DEFAULT_LIMITS: HealthLimits = { minScore: 0.3, maxResponseMs: 5_000, maxErrorRate: 0.5 };

/** Below this number of outcomes the share of failures says nothing. */
export const MIN_OUTCOMES = 20;

/** `clamp(100 / max(responseMs, 1), 0, 1)`: 1 up to 100 ms, 0.5 at 200 ms, 0.1 at 1 s. */
export function probeScore(responseMs: number): number {
  return Math.min(1, Math.max(0, FULL_SCORE_MS / Math.max(responseMs, 1)));
}

/** The smoothed score after one more probe; `responseMs` is undefined where it failed. */
export function afterProbe(before: number | undefined, responseMs: number | undefined): number {
  const score = responseMs === undefined ? 0 : Math.max(SLOW_SCORE, probeScore(responseMs));
  // What is not known yet is well: a first failure does not condemn.
  return smooth(before ?? 1, score, PROBE_WEIGHT);
}

/** The smoothed time after one more measurement, ms. */
export function afterTime(before: number | undefined, ms: number): number {
  return before === undefined ? ms : smooth(before, ms, TIME_WEIGHT);
}

/** How the work of one instance ends: fast down, slow up. It starts at 1, so that a new or idle one is routable. */
export interface OutcomeScore {
  readonly score: number;
  readonly routable: boolean;
}

export const FULL_MARKS: OutcomeScore = { score: 1, routable: true };

/** The score after one more outcome. Between `OUT_BELOW` and `BACK_AT` it stays as it was. */
export function afterOutcome(before: OutcomeScore, failed: boolean): OutcomeScore {
  if (!failed && before.score === 1) return before;
  const moved = before.score + (failed ? -OUTCOME_DOWN : OUTCOME_UP);
  // In tenths, so that sums of 0.1 meet their limits.
  const score = Math.min(1, Math.max(0, Math.round(moved * 10) / 10));
  return { score, routable: before.routable ? score >= OUT_BELOW : score >= BACK_AT };
}

export interface Measured {
  readonly score: number;
  readonly responseMs?: number | undefined;
  readonly errorRate?: number | undefined;
  readonly checkFailed: boolean;
}

/** Why it is not healthy; undefined when it is. Without figures in it, so that it changes only with what it says. */
export function unhealthyBecause(measured: Measured, limits: HealthLimits): string | undefined {
  if (measured.checkFailed) return 'a check failed';
  if (measured.score < limits.minScore) return `its score is below ${limits.minScore}`;
  if ((measured.responseMs ?? 0) > limits.maxResponseMs) return `its probes take more than ${limits.maxResponseMs} ms`;
  if ((measured.errorRate ?? 0) >= limits.maxErrorRate)
    return `${limits.maxErrorRate * 100} % of its work or more fails`;
  return undefined;
}

function smooth(before: number, now: number, weight: number): number {
  return before + weight * (now - before);
}
