/** When a schedule is due: what users say, and how it is read. */
import { z } from 'zod';
import { parseCron } from './cron.ts';

/** Ticks follow each other no closer than this, ms. */
export const MIN_EVERY_MS = 100;
/** Longest time between two ticks, and until one that is put off, ms: a year. */
const MAX_EVERY_MS = 31_536_000_000;

/** Exactly one of `every`, `cron`, `at`, `delayMs`. */
export type When =
  | {
      /** Between two ticks, ms: 100 to a year. The first is one such time from now, or at `startAt`. */
      readonly every: number;
    }
  | {
      /** Five fields, or six with seconds first, or `@daily` and its like. */
      readonly cron: string;
      /** IANA name, `Europe/Berlin`. Default `UTC`, wherever a node runs. */
      readonly timeZone?: string | undefined;
    }
  | {
      /** Once, then: ms since the epoch in backend time, or a Date. */
      readonly at: number | Date;
    }
  | {
      /** Once, this long from now, ms: up to a year. */
      readonly delayMs: number;
    };

/** The same as it is stored: moments are numbers, the time zone stands there. */
export type StoredWhen =
  | { readonly every: number }
  | { readonly cron: string; readonly timeZone: string }
  | { readonly at: number }
  | { readonly delayMs: number };

/** A moment, ms since the epoch, as far as a Date reaches. */
export const moment: z.ZodNumber = z.number().int().positive().max(8.64e15);
const givenMoment = z.union([
  moment,
  z
    .date()
    .transform((date) => date.getTime())
    .pipe(moment),
]);

const every = z.number().int().min(MIN_EVERY_MS).max(MAX_EVERY_MS);
const delayMs = z.number().int().min(0).max(MAX_EVERY_MS);
const cron = z.string().max(256);
const timeZone = z.string().min(1).max(64);

export const storedWhenSchema: z.ZodType<StoredWhen> = z.union([
  z.strictObject({ every }),
  z.strictObject({ cron, timeZone }).refine(({ cron, timeZone }) => typeof parseCron(cron, timeZone) !== 'string'),
  z.strictObject({ at: moment }),
  z.strictObject({ delayMs }),
]);

/** What users may say of the time, beside each other in one object. */
export const whenFields: { readonly [Name in keyof Given]-?: z.ZodType<Given[Name]> } = {
  every: every.optional(),
  cron: cron.optional(),
  timeZone: timeZone.optional(),
  at: givenMoment.optional(),
  delayMs: delayMs.optional(),
  startAt: givenMoment.optional(),
  endAt: givenMoment.optional(),
};

interface Given {
  readonly every?: number | undefined;
  readonly cron?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly at?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly startAt?: number | undefined;
  readonly endAt?: number | undefined;
}

/** Says what does not go together. */
export function checkWhen({ every, cron, timeZone, at, delayMs, startAt, endAt }: Given, ctx: z.RefinementCtx): void {
  const refuse = (path: string, message: string): void => {
    ctx.addIssue({ code: 'custom', path: [path], message });
  };
  const named = [every, cron, at, delayMs].filter((value) => value !== undefined);
  if (named.length !== 1) refuse('every', 'give exactly one of every, cron, at, delayMs');
  if (timeZone !== undefined && cron === undefined) refuse('timeZone', 'goes with cron only');
  if (startAt !== undefined && (at !== undefined || delayMs !== undefined))
    refuse('startAt', 'goes with every and cron only');
  if (startAt !== undefined && endAt !== undefined && endAt < startAt) refuse('endAt', 'is before startAt');
  if (cron !== undefined) {
    const problem = parseCron(cron, timeZone ?? DEFAULT_TIME_ZONE);
    if (typeof problem === 'string') refuse('cron', problem);
  }
}

/** The same on every node, wherever it runs. */
const DEFAULT_TIME_ZONE = 'UTC';

/** @param given has passed `checkWhen`. */
export function storedWhen({ every, cron, timeZone = DEFAULT_TIME_ZONE, at, delayMs }: Given): StoredWhen {
  if (every !== undefined) return { every };
  if (cron !== undefined) return { cron, timeZone };
  return at === undefined ? { delayMs: delayMs ?? 0 } : { at };
}
