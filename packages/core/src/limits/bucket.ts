/**
 * A token bucket that is drawn from ahead of time: who comes too early is told the moment at which its token will have
 * been earned, and that one is spent. Kept as one moment, in the manner of the generic cell rate algorithm (ITU-T I.371,
 * annex A). `lua/ratedraw.lua` of the Redis backend does the same sums. Pure.
 */

export interface RateTerms {
  readonly perSecond: number;
  /** Tokens that are kept at most. */
  readonly burst: number;
}

export interface RateRequest extends RateTerms {
  /** Tokens asked for now. */
  readonly wanted: number;
  /** Tokens of earlier draws that were not used. */
  readonly returned: number;
  /** A token that will not have been earned by then is not given, ms. */
  readonly withinMs: number;
}

export interface RateAnswer {
  /** How many of the wanted were given. */
  readonly granted: number;
  /** When the first of them is earned, from now, ms; not above 0: now. Each further one is 1,000 ÷ `perSecond` later. */
  readonly leadMs: number;
}

export interface Bucket {
  /** When all that was spent will have been earned, ms. */
  readonly spentUntil: number;
  /** Between two tokens when that was written, ms. */
  readonly everyMs: number;
}

/** What can be drawn from a bucket, and what it is then. @param before undefined: it is full. */
export function drawn(
  before: Bucket | undefined,
  { perSecond, burst, wanted, returned, withinMs }: RateRequest,
  now: number,
): { readonly bucket: Bucket; readonly answer: RateAnswer } {
  const everyMs = 1_000 / perSecond;
  // Tokens stay tokens when the rate changes; no more of them than could have been given.
  const owed = before === undefined ? 0 : (Math.max(0, before.spentUntil - now) / before.everyMs) * everyMs;
  const debtMs = Math.max(0, Math.min(owed, withinMs + burst * everyMs) - returned * everyMs);
  const leadMs = debtMs - (burst - 1) * everyMs;
  // What was earned in parts may lack the last digit of a whole one.
  const granted = Math.max(0, Math.min(wanted, Math.floor((withinMs - leadMs) / everyMs + 1e-6) + 1));
  return { bucket: { spentUntil: now + debtMs + granted * everyMs, everyMs }, answer: { granted, leadMs } };
}
