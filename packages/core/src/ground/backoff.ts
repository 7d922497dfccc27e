/** Exponential back-off: `delayMs × 2^(attempt − 1)`, never above `maxDelayMs`; attempt counts from 1. */
export function exponential(attempt: number, delayMs: number, maxDelayMs: number): number {
  return Math.min(maxDelayMs, delayMs * 2 ** Math.min(attempt - 1, 31));
}

/**
 * Full jitter: anywhere between nothing and the exponential back-off, so that many who failed together do not return
 * together. Formula: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitter(
  attempt: number,
  delayMs: number,
  maxDelayMs: number,
  random: () => number = Math.random,
): number {
  return random() * exponential(attempt, delayMs, maxDelayMs);
}
