/** How long to wait before the next try. Pure. */
import type { RetryPolicy } from '../policies/service-settings.ts';

export type BackOff = Pick<RetryPolicy, 'delayMs' | 'factor' | 'maxDelayMs' | 'jitter'>;

/**
 * `delayMs × factor^(retry − 1)`, at most `maxDelayMs`, then jitter; `retry` counts from 1. Full and equal jitter as in
 * M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @param random from 0 to below 1.
 */
export function retryDelay(retry: number, policy: BackOff, random: () => number = Math.random): number {
  const longest = Math.min(policy.maxDelayMs, policy.delayMs * policy.factor ** (retry - 1));
  if (policy.jitter === 'none') return longest;
  return policy.jitter === 'full' ? longest * random() : (longest * (1 + random())) / 2;
}
