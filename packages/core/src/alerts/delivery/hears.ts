/** Which levels of pain somebody on a node has subscribed to, for the node's report. */
import type { AlertLevel } from '../alert.ts';
import type { Wanted } from './plan.ts';

/** Stands for every level. */
const ANY = 'any';

export function hearsOf(subscribed: Iterable<Wanted>): readonly string[] {
  const heard = new Set<string>();
  for (const { level, types } of subscribed) if (types.includes('pain')) heard.add(level ?? ANY);
  return [...heard].toSorted();
}

/** Whether a node that hears this hears what is told to any of these levels. */
export function anyoneHears(hears: readonly string[], levels: readonly AlertLevel[]): boolean {
  return hears.some((heard) => heard === ANY || levels.some((level) => level === heard));
}
