/** Cron expressions, by the library croner. One parsed expression takes some 80 KiB, so those in use are shared. */
import { Cron } from 'croner';
import { messageOf } from '../ground/errors.ts';

/** Parsed expressions that are kept; of more, the one used longest ago is parsed again when its turn comes. */
const KEPT = 64;
const kept = new Map<string, Cron>();

/** Five or six fields, or a nickname; croner would take a date as well. */
const SHAPE = /^(?:@[a-z]+|\S+(?:[ \t]+\S+){4,5})$/i;

/** The expression, or what is wrong with it. */
export function parseCron(expression: string, timeZone: string): Cron | string {
  const name = `${timeZone} ${expression}`;
  const known = kept.get(name);
  if (known !== undefined) {
    kept.delete(name);
    kept.set(name, known);
    return known;
  }
  if (!SHAPE.test(expression)) return 'has five fields, or six with seconds first, or is @hourly, @daily, …';
  try {
    const parsed = new Cron(expression, { timezone: timeZone, mode: '5-or-6-parts', paused: true });
    // A time zone that there is none of is found out here.
    parsed.nextRun(new Date(0));
    if (kept.size >= KEPT) for (const oldest of [...kept.keys()].slice(0, 1)) kept.delete(oldest);
    kept.set(name, parsed);
    return parsed;
  } catch (thrown) {
    return messageOf(thrown);
  }
}
