/** The path that pain takes: from the unit that feels it to who decides what the whole is for. */
import type { AlertLevel } from './alert.ts';

export const LEVELS: readonly AlertLevel[] = ['s1', 's3', 's4', 's5'];

const LAST: AlertLevel = 's5';

export function isLast(level: AlertLevel): boolean {
  return level === LAST;
}

/** The level above; of the last one itself. */
export function levelAbove(level: AlertLevel): AlertLevel {
  return LEVELS[LEVELS.indexOf(level) + 1] ?? LAST;
}

/** The highest of these; `s1` where there is none. */
export function highestOf(levels: Iterable<AlertLevel>): AlertLevel {
  let highest = 0;
  for (const level of levels) highest = Math.max(highest, LEVELS.indexOf(level));
  return LEVELS[highest] ?? LAST;
}
