/** Whether an instance takes part: one out of rotation stops claiming from its mailbox. Pure. */
import { failsTooLong, type Standing } from './hysteresis.ts';

/** A failing check whose smoothed score falls below this takes its instance out. */
export const DEFAULT_REMOVE_BELOW = 0.3;

export interface Judged {
  readonly name: string;
  readonly standing: Standing;
  /** Smoothed; undefined before its first run. */
  readonly score: number | undefined;
}

/**
 * Why an instance with these checks is out of rotation; undefined when it is in. Only a check that fails takes it out,
 * never one that is slow; it is in again when all of them pass and none is unhealthy any more.
 */
export function outBecause(
  before: string | undefined,
  checks: readonly Judged[],
  removeBelow: number,
  at: number,
): string | undefined {
  for (const { name, standing, score } of checks) {
    if (failsTooLong(standing, at)) return `${name} fails for too long`;
    if (standing.failures > 0 && (score ?? 1) < removeBelow) return `the score of ${name} is below ${removeBelow}`;
  }
  const wrong = checks.some(({ standing }) => standing.failures > 0 || standing.status === 'unhealthy');
  return wrong ? before : undefined;
}
