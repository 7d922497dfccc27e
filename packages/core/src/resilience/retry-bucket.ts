/** Who may try again, over plain data: a token bucket that all nodes draw from, and slots in time that they fill in turn. */
import { BUDGET_SECONDS, type PermitAnswer, type PermitRequest } from '../ports/permits.ts';

/** What the requests of one second have earned and is not spent yet. */
interface Earning {
  /** The beginning of that second, ms since the epoch. */
  readonly at: number;
  /** Retries, fractions included. */
  readonly retries: number;
}

/** What is kept of one service. */
export interface RetryBucket {
  /** Earned by time and not spent, retries. */
  readonly steady: number;
  /** Earned by requests: oldest first, spent in that order, gone after `BUDGET_SECONDS`. */
  readonly earnings: readonly Earning[];
  /** When it was last drawn from, ms since the epoch. */
  readonly at: number;
  /** How many were ever granted: the next one's place in the round. */
  readonly granted: number;
}

const SECOND_MS = 1_000;

/** Five fifths are one. */
const ROUNDING = 1e-9;

/** A bucket that nobody drew from is full, as Finagle's: the first failures of a quiet service may be tried again. */
export function newRetryBucket(minPerSecond: number, now: number): RetryBucket {
  return { steady: BUDGET_SECONDS * minPerSecond, earnings: [], at: now, granted: 0 };
}

export function drawn(
  bucket: RetryBucket,
  request: PermitRequest,
  now: number,
): { readonly bucket: RetryBucket; readonly answer: PermitAnswer } {
  const { steady, earnings } = refilled(bucket, request, now);
  const held = earnings.reduce((sum, { retries }) => sum + retries, steady);
  const granted = Math.min(request.wanted, Math.floor(held + ROUNDING));
  return {
    bucket: { ...spent(steady, earnings, granted), at: Math.max(now, bucket.at), granted: bucket.granted + granted },
    answer: { granted, waitsMs: slotsFrom(bucket.granted, granted, request) },
  };
}

function refilled(
  bucket: RetryBucket,
  request: PermitRequest,
  now: number,
): { readonly steady: number; readonly earnings: readonly Earning[] } {
  const passed = Math.max(0, now - bucket.at) / SECOND_MS;
  const steady = Math.min(BUDGET_SECONDS * request.minPerSecond, bucket.steady + passed * request.minPerSecond);
  const second = now - (now % SECOND_MS);
  const kept = bucket.earnings.filter(({ at }) => at > second - BUDGET_SECONDS * SECOND_MS);
  const retries = request.requests * request.ratio;
  if (retries === 0) return { steady, earnings: kept };
  const last = kept.at(-1);
  if (last !== undefined && last.at >= second) {
    return { steady, earnings: [...kept.slice(0, -1), { at: last.at, retries: last.retries + retries }] };
  }
  return { steady, earnings: [...kept, { at: second, retries }] };
}

/** What goes soonest is spent first. */
function spent(
  steady: number,
  earnings: readonly Earning[],
  granted: number,
): { readonly steady: number; readonly earnings: readonly Earning[] } {
  let due = granted;
  const rest: Earning[] = [];
  for (const { at, retries } of earnings) {
    const taken = Math.min(due, retries);
    due -= taken;
    if (retries > taken) rest.push({ at, retries: retries - taken });
  }
  return { steady: Math.max(0, steady - due), earnings: rest };
}

function slotsFrom(first: number, granted: number, { slots, slotMs }: PermitRequest): readonly number[] {
  return Array.from({ length: granted }, (_, index) => ((first + index) % slots) * slotMs);
}
