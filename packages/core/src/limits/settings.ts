/** What may be said of how often, and how often at once, a method runs over all nodes. Pure. */
import { z } from 'zod';
import { count } from '../ground/parse-options.ts';

/** What has a limit of its own: the method; each key; each value of a header, a tenant's say. Messages without one share one. */
export type LimitPer = 'method' | 'key' | { readonly header: string };

/** A token bucket over all nodes. */
export interface RateLimit {
  /** Starts a second, on average. */
  readonly perSecond: number;
  /** Starts at once after a pause. Default: as many as a tenth of a second brings, at least 1. */
  readonly burst?: number | undefined;
  /** Default `method`. */
  readonly per?: LimitPer | undefined;
}

/** Handlers that run at once, over all nodes. */
export interface ConcurrencyLimit {
  readonly max: number;
  /** Default `method`. */
  readonly per?: LimitPer | undefined;
}

/** What holds; both absent: no limit. */
export interface LimitsPolicy {
  readonly rate?: RateLimit | undefined;
  readonly concurrency?: ConcurrencyLimit | undefined;
}

/** `false`: none, whatever a weaker source says; of the whole or of one of the two. */
export type LimitsSetting =
  | false
  | { readonly rate?: RateLimit | false | undefined; readonly concurrency?: ConcurrencyLimit | false | undefined };

/** Part of a second whose tokens may be kept when nothing else is said. */
const BURST_SECONDS = 0.1;
const MOST_PER_SECOND = 1_000_000;

const per: z.ZodType<LimitPer> = z.union(
  [z.enum(['method', 'key']), z.strictObject({ header: z.string().min(1).max(256) })],
  "must be 'method', 'key' or { header }",
);

export const limitsSettingSchema: z.ZodType<LimitsSetting> = z.union([
  z.literal(false),
  z.strictObject({
    rate: z
      .union([
        z.literal(false),
        z.strictObject({
          perSecond: z.number().min(0.001).max(MOST_PER_SECOND),
          burst: count.max(MOST_PER_SECOND).optional(),
          per: per.optional(),
        }),
      ])
      .optional(),
    concurrency: z
      .union([z.literal(false), z.strictObject({ max: count.max(1_000_000), per: per.optional() })])
      .optional(),
  }),
]);

/** What a setting makes of what the weaker sources had said: each of the two stands as a whole. */
export function limitsPolicy(before: LimitsPolicy | false, setting: LimitsSetting | undefined): LimitsPolicy | false {
  if (setting === undefined) return before;
  if (setting === false) return false;
  const base = before === false ? {} : before;
  const rate = setting.rate === undefined ? base.rate : setting.rate || undefined;
  const concurrency = setting.concurrency === undefined ? base.concurrency : setting.concurrency || undefined;
  return rate === undefined && concurrency === undefined ? false : { rate, concurrency };
}

export function burstOf({ perSecond, burst }: RateLimit): number {
  return burst ?? Math.max(1, Math.ceil(perSecond * BURST_SECONDS));
}
