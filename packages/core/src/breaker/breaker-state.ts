/**
 * The breaker as pure functions over plain data. Every backend does the same arithmetic, and a node that has lost its
 * backend does it alone.
 *
 * Time passes only when somebody looks: a manual opening with an end, a ramp and a lease are over as soon as `now` says
 * so, without a timer that could be lost.
 */
import type {
  BreakerForce,
  BreakerPhase,
  BreakerPolicy,
  BreakerState,
  BreakerTally,
  ProbeAnswer,
} from '../ports/breakers.ts';
import { EMPTY_WINDOW, sumOf, windowAt, withOutcomes, type BreakerWindow } from './breaker-window.ts';

/** Who may try just now, and until when (backend time, ms). */
interface ProbeLease {
  readonly token: string;
  readonly until: number;
}

/** All that is kept of one breaker. */
export interface Breaker {
  readonly name: string;
  readonly phase: BreakerPhase;
  readonly changes: number;
  readonly changedAt: number;
  readonly openUntil: number;
  readonly openings: number;
  readonly rampUntil: number;
  readonly failuresInRow: number;
  readonly failures: number;
  readonly successes: number;
  readonly reason: string;
  readonly by: string;
  readonly manual: boolean;
  readonly window: BreakerWindow;
  /** Probes in a row that have succeeded since it became half open. */
  readonly probeSuccesses: number;
  readonly lease: ProbeLease | undefined;
}

/** `openUntil` of a breaker that a person opened without an end. */
export const FOREVER: number = Number.MAX_SAFE_INTEGER;

/** Steps of a ramp, of which each admits a tenth more. */
const RAMP_STEPS = 10;

export function newBreaker(name: string, now: number): Breaker {
  return {
    name,
    phase: 'closed',
    changes: 0,
    changedAt: now,
    openUntil: 0,
    openings: 0,
    rampUntil: 0,
    failuresInRow: 0,
    failures: 0,
    successes: 0,
    reason: 'new',
    by: '',
    manual: false,
    window: EMPTY_WINDOW,
    probeSuccesses: 0,
    lease: undefined,
  };
}

/**
 * A breaker that was lost, from the copy that a node still has: an open one stays open, one that was tried is due at once.
 * `changes` goes on from the copy, so that nobody takes what follows for old.
 */
export function restored(known: BreakerState, now: number): Breaker {
  const fresh = { ...newBreaker(known.name, now), changes: known.changes };
  if (known.phase === 'closed') return fresh;
  const { changedAt, openUntil, openings, failuresInRow, failures, successes, reason, by, manual } = known;
  const kept = { changedAt, openUntil, openings, failuresInRow, failures, successes, reason, by, manual };
  return { ...fresh, ...kept, phase: 'open' };
}

/** Adds outcomes and evaluates. */
export function recorded(
  breaker: Breaker,
  tally: BreakerTally,
  policy: BreakerPolicy,
  now: number,
  by: string,
): Breaker {
  const before = caughtUp(breaker, now);
  const told: Breaker = {
    ...before,
    failures: before.failures + tally.failures,
    successes: before.successes + tally.successes,
  };
  if (told.phase === 'closed') return judged(withTally(told, tally, policy, now, by), tally, policy, now, by);
  // An outcome from before the opening says nothing new.
  if (told.lease === undefined || told.lease.token !== tally.probe) return told;
  return probeEnded({ ...told, lease: undefined }, tally, policy, now, by);
}

/** Grants the probe, or says when to ask again. `token` is the one that a grant carries. */
export function probed(
  breaker: Breaker,
  leaseMs: number,
  now: number,
  by: string,
  token: string,
): { readonly breaker: Breaker; readonly answer: ProbeAnswer } {
  const before = caughtUp(breaker, now);
  const retryAt = before.phase === 'closed' ? now : (before.lease?.until ?? before.openUntil);
  if (before.phase === 'closed' || retryAt > now) {
    return { breaker: before, answer: { kind: 'refused', retryAt, state: toState(before, now) } };
  }
  const half =
    before.phase === 'half_open'
      ? before
      : { ...turned(before, 'half_open', now, by, 'the wait is over'), failuresInRow: 0, window: EMPTY_WINDOW };
  const after = { ...half, lease: { token, until: now + leaseMs } };
  return { breaker: after, answer: { kind: 'granted', token, state: toState(after, now) } };
}

/** The probe ended without an outcome. */
export function released(breaker: Breaker, token: string): Breaker {
  return breaker.lease?.token === token ? { ...breaker, lease: undefined } : breaker;
}

export function forced(breaker: Breaker, force: BreakerForce, now: number): Breaker {
  const before = caughtUp(breaker, now);
  if (force.to === 'open') {
    const openUntil = force.ttlMs === undefined ? FOREVER : now + force.ttlMs;
    return { ...turned(before, 'open', now, force.by, force.reason), openUntil, rampUntil: 0, manual: true };
  }
  const after = closed(before, now, force.by, force.reason);
  return force.to === 'reset' ? { ...after, failures: 0, successes: 0 } : after;
}

/** The breaker as everybody sees it at this moment. */
export function toState(breaker: Breaker, now: number): BreakerState {
  const { window, probeSuccesses: _probes, lease: _lease, ...seen } = caughtUp(breaker, now);
  const { failures: windowFailures, successes: windowSuccesses } = sumOf(windowAt(window, now));
  return { ...seen, windowFailures, windowSuccesses };
}

/** Share of the calls that a node lets through without a probe, 0 to 1: in a ramp 10 % and a tenth more with each tenth of it. */
export function admittedShare(state: BreakerState, policy: BreakerPolicy, now: number): number {
  if (state.phase !== 'closed') return isOver(state, now) ? 1 : 0;
  const leftMs = state.rampUntil - now;
  if (leftMs <= 0 || policy.rampMs <= 0) return 1;
  const stepsLeft = Math.ceil((leftMs / policy.rampMs) * RAMP_STEPS);
  return Math.max(1, RAMP_STEPS + 1 - stepsLeft) / RAMP_STEPS;
}

/** Takes note of what has come to its end by itself. */
function caughtUp(breaker: Breaker, now: number): Breaker {
  if (isOver(breaker, now)) return closed(breaker, breaker.openUntil, breaker.by, 'its time is over');
  if (breaker.phase === 'closed') {
    const rampOver = breaker.openings > 0 && breaker.rampUntil <= now;
    return rampOver ? { ...breaker, openings: 0, rampUntil: 0 } : breaker;
  }
  return breaker.lease !== undefined && breaker.lease.until <= now ? { ...breaker, lease: undefined } : breaker;
}

function isOver({ manual, openUntil }: Pick<BreakerState, 'manual' | 'openUntil'>, now: number): boolean {
  return manual && openUntil <= now;
}

function withTally(breaker: Breaker, tally: BreakerTally, policy: BreakerPolicy, now: number, by: string): Breaker {
  return {
    ...breaker,
    failuresInRow: tally.successes > 0 ? tally.trailingFailures : breaker.failuresInRow + tally.failures,
    window: withOutcomes(breaker.window, tally, policy.windowMs, now, by),
  };
}

function judged(breaker: Breaker, tally: BreakerTally, policy: BreakerPolicy, now: number, by: string): Breaker {
  if (breaker.rampUntil > now) {
    return tally.failures > 0 ? opened(breaker, policy, now, by, 'a failure while it was closing') : breaker;
  }
  if (breaker.window.failing.length < policy.quorum) return breaker;
  if (breaker.failuresInRow >= policy.failureThreshold) {
    return opened(breaker, policy, now, by, `${breaker.failuresInRow} failures in a row`);
  }
  const { successes, failures } = sumOf(breaker.window);
  const calls = successes + failures;
  if (calls < policy.minCalls || failures === 0 || failures / calls < policy.failureRate) return breaker;
  return opened(breaker, policy, now, by, `${failures} of ${calls} calls failed`);
}

function probeEnded(breaker: Breaker, tally: BreakerTally, policy: BreakerPolicy, now: number, by: string): Breaker {
  if (tally.failures > 0) {
    return opened(withTally(breaker, tally, policy, now, by), policy, now, by, 'the probe failed');
  }
  if (tally.successes === 0) return breaker;
  const probeSuccesses = breaker.probeSuccesses + 1;
  if (probeSuccesses < policy.successThreshold) return { ...breaker, probeSuccesses };
  const { openings } = breaker;
  const rampUntil = policy.rampMs > 0 ? now + policy.rampMs : 0;
  return { ...closed(breaker, now, by, `${probeSuccesses} probes succeeded`), openings, rampUntil };
}

/** Opens it; row and window stay as the evidence. */
function opened(breaker: Breaker, policy: BreakerPolicy, now: number, by: string, reason: string): Breaker {
  const openings = breaker.openings + 1;
  const openMs = Math.min(policy.maxOpenMs, policy.openMs * 2 ** (openings - 1));
  return { ...turned(breaker, 'open', now, by, reason), openings, openUntil: now + openMs, rampUntil: 0 };
}

function closed(breaker: Breaker, now: number, by: string, reason: string): Breaker {
  return {
    ...turned(breaker, 'closed', now, by, reason),
    openUntil: 0,
    openings: 0,
    rampUntil: 0,
    failuresInRow: 0,
    window: EMPTY_WINDOW,
  };
}

function turned(breaker: Breaker, phase: BreakerPhase, now: number, by: string, reason: string): Breaker {
  return {
    ...breaker,
    phase,
    changes: breaker.changes + 1,
    changedAt: now,
    reason,
    by,
    manual: false,
    probeSuccesses: 0,
    lease: undefined,
  };
}
