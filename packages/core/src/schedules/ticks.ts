/** The moments at which a schedule is due. Pure. */
import type { Cron } from 'croner';
import { parseCron } from './cron.ts';
import type { StoredWhen } from './when.ts';

export interface Ticks {
  /** The first tick after a moment; undefined: there is none. */
  after(moment: number): number | undefined;
  /** The last tick up to `now`, where `tick` is one of them. */
  latest(tick: number, now: number): number;
}

/** Cron knows whole seconds, ms. */
const SECOND_MS = 1_000;

/**
 * @param from the first tick of `every`, `at` and `delayMs`; ticks of `cron` are not before it.
 * @throws TypeError for an expression that is none.
 */
export function ticksOf(when: StoredWhen, from: number): Ticks {
  if ('every' in when) return everyTicks(when.every, from);
  if ('cron' in when) return cronTicks(when.cron, when.timeZone, from);
  return { after: (moment) => (moment < from ? from : undefined), latest: (tick) => tick };
}

/** Where ticks begin, so that none of them has been missed already. */
export function beginning(when: StoredWhen, startAt: number | undefined, now: number): number {
  const whole = Math.ceil(now);
  if ('at' in when) return when.at;
  if ('delayMs' in when) return whole + when.delayMs;
  if ('cron' in when) return Math.max(whole, startAt ?? whole);
  if (startAt === undefined) return whole + when.every;
  return startAt + Math.max(0, Math.ceil((whole - startAt) / when.every)) * when.every;
}

function everyTicks(every: number, from: number): Ticks {
  const upTo = (moment: number): number => Math.floor((moment - from) / every);
  return {
    after: (moment) => from + Math.max(0, upTo(moment) + 1) * every,
    latest: (_tick, now) => from + upTo(now) * every,
  };
}

function cronTicks(expression: string, timeZone: string, from: number): Ticks {
  parsed(expression, timeZone);
  const next = (moment: number): number | undefined => {
    try {
      return parsed(expression, timeZone)
        .nextRun(new Date(Math.max(moment, from - 1)))
        ?.getTime();
    } catch {
      // Beyond what a calendar can say there is none.
      return undefined;
    }
  };
  return { after: next, latest: (tick, now) => latestOf(next, tick, now) };
}

function parsed(expression: string, timeZone: string): Cron {
  const cron = parseCron(expression, timeZone);
  if (typeof cron === 'string') throw new TypeError(`cron ${expression}: ${cron}`);
  return cron;
}

/** By halves: there may be a night, or a year, of ticks in between. */
function latestOf(next: (moment: number) => number | undefined, tick: number, now: number): number {
  let latest = tick;
  let high = now;
  const isDue = (moment: number | undefined): moment is number => moment !== undefined && moment <= now;
  // Most often it is the first.
  if (!isDue(next(latest))) return latest;
  while (high - latest > SECOND_MS) {
    const middle = Math.floor((latest + high) / 2);
    const found = next(middle);
    if (isDue(found)) latest = found;
    else high = middle;
  }
  const last = next(latest);
  return isDue(last) ? last : latest;
}
