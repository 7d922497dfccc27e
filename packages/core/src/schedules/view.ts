/** A schedule as users see it. */
import type { Entry } from './entry.ts';
import { tallyOf } from './judge.ts';
import type { CatchUp, Overlap } from './options.ts';
import type { StoredWhen } from './when.ts';

/** Moments are backend time, ms since the epoch. */
export interface Schedule {
  readonly name: string;
  readonly when: StoredWhen;
  /** Of the actor: `reports@1`. */
  readonly mailbox: string;
  readonly method: string;
  readonly key: string | undefined;
  readonly startAt: number | undefined;
  readonly endAt: number | undefined;
  readonly limit: number | undefined;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  /** Undefined: it has ended, and is kept for an hour. */
  readonly nextAt: number | undefined;
  /** The last tick; undefined before the first. */
  readonly lastAt: number | undefined;
  /** Ticks that became messages. */
  readonly runs: number;
  /** Ticks that were let go by because of what waited or ran. */
  readonly skipped: number;
  /** Name of the node that put it last, and when. */
  readonly by: string;
  readonly putAt: number;
}

export function scheduleOf(entry: Entry): Schedule {
  const { name, held, definition, progress, next } = entry;
  const { when, mailbox, method, key, startAt, endAt, limit, catchUp, overlap } = definition;
  const tally = tallyOf(definition, progress);
  return Object.freeze({
    ...{ name, when, mailbox, method, key, startAt, endAt, limit, catchUp, overlap },
    nextAt: next,
    lastAt: tally === undefined || tally.runs + tally.skipped === 0 ? undefined : tally.at,
    runs: tally?.runs ?? 0,
    skipped: tally?.skipped ?? 0,
    by: held.by,
    putAt: held.at,
  });
}

/** What is due first comes first, what has ended last. */
export function byNextTick(one: Schedule, other: Schedule): number {
  const [a, b] = [one.nextAt ?? Infinity, other.nextAt ?? Infinity];
  if (a !== b) return a < b ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}
