/** What may be said of a schedule, and of a function that runs by the clock. */
import { z } from 'zod';
import { count, milliseconds } from '../ground/parse-options.ts';
import { checkWhen, storedWhen, whenFields, type StoredWhen } from './when.ts';

/** Schedules of one namespace at most: every node holds all of them. */
export const MAX_SCHEDULES = 10_000;
/** Largest encoded input, bytes. */
export const MAX_INPUT_BYTES = 16_384;
const MAX_HEADERS_BYTES = 4_096;

/** What functions are scheduled as; nobody else may take such a name. */
export const FUNCTION_PREFIX = 'tick.';

export interface ScheduleOptions {
  /** No tick before this moment: ms since the epoch in backend time, or a Date. Ticks of `every` are counted from it. */
  readonly startAt?: number | Date | undefined;
  /** No tick after this moment. */
  readonly endAt?: number | Date | undefined;
  /** It ends after so many ticks; those that it let go by because of `overlap` are counted. */
  readonly limit?: number | undefined;
  /**
   * When no node was there for one or several ticks: `one` makes up for all of them with one run, `none` waits for the next
   * (a tick that is late by up to 10 s still runs). Default `one`.
   */
  readonly catchUp?: CatchUp | undefined;
  /**
   * `skip` lets a tick go by while anything waits or runs in the actor's mailbox. Default `allow`. While nobody serves
   * the actor, one tick waits for it and the others go by in either case.
   */
  readonly overlap?: Overlap | undefined;
  /** Travels with the message; the handler reads it as `ctx.key`. */
  readonly key?: string | undefined;
  /** Travel with the message, at most 4 KiB; the handler reads them as `ctx.headers`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export type CatchUp = 'one' | 'none';
export type Overlap = 'allow' | 'skip';

/** What holds for a schedule besides where its messages go. */
export interface Terms {
  readonly when: StoredWhen;
  readonly startAt: number | undefined;
  readonly endAt: number | undefined;
  readonly limit: number | undefined;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** Part of keys, and printable. */
export const NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
export const nameSchema: z.ZodString = z.string().regex(NAME, 'letters, digits and . _ : / -, at most 128');

export const catchUpSchema: z.ZodType<CatchUp> = z.enum(['one', 'none']);
export const overlapSchema: z.ZodType<Overlap> = z.enum(['allow', 'skip']);
export const keySchema: z.ZodString = z.string().min(1).max(512);
export const headersSchema: z.ZodType<Readonly<Record<string, string>>> = z
  .record(z.string().min(1).max(256), z.string())
  .refine((headers) => Buffer.byteLength(JSON.stringify(headers)) <= MAX_HEADERS_BYTES, {
    message: `must be at most ${MAX_HEADERS_BYTES} bytes as JSON`,
  });

export const termsSchema: z.ZodType<Terms> = z
  .strictObject({
    ...whenFields,
    limit: count.optional(),
    catchUp: catchUpSchema.default('one'),
    overlap: overlapSchema.default('allow'),
    key: keySchema.optional(),
    headers: headersSchema.optional(),
  })
  .superRefine(checkWhen)
  .transform(({ startAt, endAt, limit, catchUp, overlap, key, headers, ...given }) => {
    return { when: storedWhen(given), startAt, endAt, limit, catchUp, overlap, key, headers };
  });

/** How a function runs by the clock. */
export interface FunctionOptions {
  /**
   * One run per tick over all nodes that have given the same name, on whichever of them has room; it survives them as a
   * schedule does. Default false: every node runs its own.
   */
  readonly singleton?: boolean | undefined;
  /** With `singleton`: letters, digits, `_` and `-`, at most 64. Default: the name of the function. */
  readonly name?: string | undefined;
  /** As with schedules. */
  readonly startAt?: number | Date | undefined;
  /** With `singleton`; as with schedules. */
  readonly catchUp?: CatchUp | undefined;
  /** Its signal aborts after this long, ms. Default 5 min. */
  readonly maxRunMs?: number | undefined;
}

export interface FunctionTerms {
  readonly singleton: boolean;
  readonly name?: string | undefined;
  readonly startAt?: number | undefined;
  readonly catchUp: CatchUp;
  readonly maxRunMs: number;
}

export interface CronOptions extends FunctionOptions {
  /** IANA name, `Europe/Berlin`. Default `UTC`, wherever a node runs. */
  readonly timeZone?: string | undefined;
}

/** How long a function may run, ms. */
const DEFAULT_MAX_RUN_MS = 300_000;

export const functionSchema: z.ZodType<FunctionTerms> = z.strictObject({
  singleton: z.boolean().default(false),
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9_-]{1,64}$/,
      'what is to run once for all nodes needs a name of letters, digits, _ and -, at most 64',
    )
    .optional(),
  startAt: whenFields.startAt,
  catchUp: catchUpSchema.default('one'),
  maxRunMs: milliseconds.min(1).default(DEFAULT_MAX_RUN_MS),
});
