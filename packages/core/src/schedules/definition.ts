/** A schedule as it is stored: what it is, which changes seldom, and how far it has come, which changes with every tick. */
import { z } from 'zod';
import { METHOD_NAME } from '../contract/contract.ts';
import {
  catchUpSchema,
  headersSchema,
  keySchema,
  MAX_INPUT_BYTES,
  overlapSchema,
  type CatchUp,
  type Overlap,
} from './options.ts';
import { moment, storedWhenSchema, type StoredWhen } from './when.ts';

/** The families of these records; the name of each is that of the schedule. */
export const SCHEDULE = 'schedule';
export const PROGRESS = 'schedule-progress';

export interface Definition {
  /** Another one whenever its ticks begin anew. */
  readonly id: string;
  readonly when: StoredWhen;
  /** See `ticksOf`. */
  readonly from: number;
  readonly startAt?: number | undefined;
  readonly endAt?: number | undefined;
  readonly limit?: number | undefined;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  readonly mailbox: string;
  readonly method: string;
  /** Encoded input, base64; absent: there is none. */
  readonly input?: string | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** There is no further tick; kept for an hour, so that who comes late does not begin it anew. */
  readonly ended?: Tally | undefined;
}

export interface Tally {
  /** The last tick: backend time, ms. */
  readonly at: number;
  /** Ticks that became messages. */
  readonly runs: number;
  /** Ticks that were let go by because of what waited or ran. */
  readonly skipped: number;
}

export interface Progress extends Tally {
  /** Of the definition that it belongs to. */
  readonly id: string;
  /** When the last message was put in, nobody served the actor. */
  readonly unserved?: boolean | undefined;
}

const count = z.number().int().min(0);
const tally = { at: moment, runs: count, skipped: count };
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
/** Four characters for three bytes. */
const MAX_BASE64 = Math.ceil(MAX_INPUT_BYTES / 3) * 4;

/** What is written here becomes part of keys: nothing in it may look like something else. */
const MAILBOX = /^[A-Za-z][A-Za-z0-9._-]{0,127}@\d{1,5}$/;

export const definitionSchema: z.ZodType<Definition> = z.object({
  id,
  when: storedWhenSchema,
  from: moment,
  startAt: moment.optional(),
  endAt: moment.optional(),
  limit: count.min(1).optional(),
  catchUp: catchUpSchema,
  overlap: overlapSchema,
  mailbox: z.string().regex(MAILBOX),
  method: z.string().regex(METHOD_NAME),
  input: z.string().max(MAX_BASE64).optional(),
  key: keySchema.optional(),
  headers: headersSchema.optional(),
  ended: z.object(tally).optional(),
});

export const progressSchema: z.ZodType<Progress> = z.object({ ...tally, id, unserved: z.boolean().optional() });

/** What is said of a schedule, before it has begun. */
export type Said = Omit<Definition, 'id' | 'from' | 'ended'>;

/** Whether both have the same ticks, for the same: then one goes on where the other is. */
export function isSame(one: Said, other: Said): boolean {
  return identity(one) === identity(other);
}

function identity({ when, startAt, endAt, limit, mailbox, method }: Said): string {
  const said = Object.entries(when).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([said, startAt ?? 0, endAt ?? 0, limit ?? 0, mailbox, method]);
}
