/**
 * What can be said of a service: in code (`createNode({ services })`), in a file, or live (`node.config.set`). One shape for
 * all three, so that any of them can say anything that the next one may overrule.
 */
import { z } from 'zod';
import type { BreakerPolicy } from '../ports/breakers.ts';
import { limitsSettingSchema, type LimitsPolicy, type LimitsSetting } from '../limits/settings.ts';
import { count, milliseconds } from '../ground/parse-options.ts';

/** The strategies that are built in. */
export const BALANCE_NAMES = [
  'round_robin',
  'weighted_round_robin',
  'least_connections',
  'random',
  'health_based',
  'power_of_two',
  'consistent_hash',
  'adaptive',
] as const;

/** How much waits between two tries: `delayMs × factor^(n−1)`, at most `maxDelayMs`, then jitter. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts: number;
  readonly delayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  /** `full`: anywhere from 0 to the wait. `equal`: from half of it. `none`: exactly it. */
  readonly jitter: 'full' | 'equal' | 'none';
  /** Codes that are tried again whatever the error says; absent: the error's `retryable` decides. */
  readonly retryOn?: readonly string[] | undefined;
  /** Retries that each first try earns, over all nodes. */
  readonly budgetRatio: number;
  /** Retries a second that are earned in any case; 0 with ratio 0: no retry at all. */
  readonly budgetPerSecond: number;
  /** Slots in a round, shared by all nodes. 1: retries are not spread over slots. */
  readonly slots: number;
  readonly slotMs: number;
}

export interface CachePolicy {
  readonly ttlMs: number;
  /** Fields of the input that tell answers apart. Absent: all of it. */
  readonly varyOn?: readonly string[] | undefined;
  /** Failures are kept this long too, ms; 0 = never. */
  readonly errorsTtlMs: number;
  /** Answers kept of one service. */
  readonly maxEntries: number;
}

/** A share of the calls goes to instances of another version. */
export interface CanaryPolicy {
  /** The version the share goes to, or the beginning of one: `2`, `1.4`, `1.4.2`. */
  readonly version: string;
  /** 0 to 1. */
  readonly share: number;
}

/** `reject` at once with MailboxFull, or `wait` in line for room as long as the request has time. */
export type WhenFull = 'reject' | 'wait';

/** A large body is kept beside the mailbox, and what travels only says where. */
export interface ClaimCheckPolicy {
  /** Bodies of more than this are kept beside, encoded bytes. */
  readonly overBytes: number;
  /** How long it is kept, ms: it must outlive the wait in the mailbox and every redelivery. */
  readonly ttlMs: number;
}

/** Concurrency that follows the load. */
export interface ScalePolicy {
  readonly min: number;
  readonly max: number;
  /** Waiting messages that a unit of concurrency may have before more is added. */
  readonly lagPerSlot: number;
  /** How long the lag must stand before it grows, ms. */
  readonly upAfterMs: number;
  /** How long there must be idle room before it shrinks, ms. */
  readonly downAfterMs: number;
  /** Between two changes, ms. */
  readonly coolDownMs: number;
}

export type Delivery = 'auto' | 'local' | 'remote' | 'disabled';

/** Everything that is settled for one service, once all sources have been merged. */
export interface ServicePolicy {
  // The caller's side.
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPolicy | false;
  readonly breaker: BreakerPolicy | false;
  readonly cache: CachePolicy | false;
  readonly maxPending: number;
  readonly delivery: Delivery;
  readonly deliveryReason: string;
  /** Above this share of its concurrency an actor in the same process counts as saturated: `auto` then uses the mailbox. */
  readonly localMaxLoad: number;
  /** Reject at once when nobody healthy serves it. */
  readonly failFast: boolean;
  /** Calls are targeted, by this strategy; `pull`: whoever has room takes. */
  readonly balance: string;
  readonly canary: CanaryPolicy | false;
  /** What becomes of a message for whose mailbox there is no room. */
  readonly whenFull: WhenFull;
  readonly claimCheck: ClaimCheckPolicy | false;
  /** A second try for queries after this long, ms; 0 = none. */
  readonly hedgeAfterMs: number;
  readonly limits: LimitsPolicy | false;
  // The serving side; undefined: as the actor declares.
  readonly concurrency: number | undefined;
  readonly scale: ScalePolicy | false;
  readonly weight: number | undefined;
}

export const RETRY_PROFILES: Readonly<Record<string, Partial<RetryPolicy>>> = {
  default: {},
  aggressive: { attempts: 5, delayMs: 50, factor: 1.5, maxDelayMs: 5_000, jitter: 'full', slots: 20, slotMs: 50 },
  conservative: { attempts: 2, delayMs: 500, factor: 2, maxDelayMs: 15_000, jitter: 'full', slots: 5, slotMs: 200 },
  sdk: { attempts: 3, delayMs: 1_000, factor: 2, maxDelayMs: 30_000, jitter: 'none' },
};

export const BREAKER_PROFILES: Readonly<Record<string, Partial<BreakerPolicy>>> = {
  default: {},
  sdk: { failureThreshold: 5, successThreshold: 2, openMs: 60_000 },
  vsm: { failureThreshold: 5, successThreshold: 3, openMs: 60_000 },
};

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 3,
  delayMs: 100,
  factor: 2,
  maxDelayMs: 5_000,
  jitter: 'full',
  budgetRatio: 0.2,
  budgetPerSecond: 10,
  slots: 10,
  slotMs: 100,
};

export const DEFAULT_BREAKER: BreakerPolicy = {
  failureThreshold: 5,
  failureRate: 0.5,
  minCalls: 20,
  windowMs: 10_000,
  successThreshold: 2,
  openMs: 30_000,
  maxOpenMs: 600_000,
  rampMs: 10_000,
  quorum: 1,
};

export const DEFAULT_CACHE: CachePolicy = { ttlMs: 60_000, errorsTtlMs: 0, maxEntries: 10_000 };

export const DEFAULT_CLAIM_CHECK: ClaimCheckPolicy = { overBytes: 256 * 1024, ttlMs: 3_600_000 };

export const DEFAULT_SCALE: ScalePolicy = {
  min: 1,
  max: 1_024,
  lagPerSlot: 10,
  upAfterMs: 2_000,
  downAfterMs: 10_000,
  coolDownMs: 10_000,
};

export const DEFAULT_SERVICE: ServicePolicy = {
  timeoutMs: undefined,
  retry: DEFAULT_RETRY,
  breaker: DEFAULT_BREAKER,
  cache: false,
  maxPending: 1_024,
  delivery: 'remote',
  deliveryReason: '',
  localMaxLoad: 0.7,
  failFast: false,
  balance: 'pull',
  canary: false,
  whenFull: 'reject',
  claimCheck: false,
  hedgeAfterMs: 0,
  limits: false,
  concurrency: undefined,
  scale: false,
  weight: undefined,
};

/** Actors, topics (`topic.orders.created`) and functions by the clock (`tick.sweep`) alike, characters. */
export const LONGEST_SERVICE_NAME = 128;

/** Largest body that is kept beside a mailbox, bytes. */
export const MAX_CLAIMED_BYTES: number = 64 * 1024 * 1024;

const profileName = z.string().min(1).max(64);
const share = z.number().min(0).max(1);
const maybe = <Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> => schema.optional();

const retryFieldsShape = z.strictObject({
  profile: maybe(profileName),
  attempts: maybe(count.max(100)),
  delayMs: maybe(milliseconds),
  factor: maybe(z.number().min(1).max(10)),
  maxDelayMs: maybe(milliseconds),
  jitter: maybe(z.enum(['full', 'equal', 'none'])),
  retryOn: maybe(z.array(z.string().min(1).max(128)).max(64)),
  budgetRatio: maybe(z.number().min(0).max(10)),
  budgetPerSecond: maybe(z.number().min(0).max(100_000)),
  slots: maybe(count.max(1_000)),
  slotMs: maybe(milliseconds.min(1).max(60_000)),
});

const breakerFieldsShape = z.strictObject({
  profile: maybe(profileName),
  failureThreshold: maybe(count),
  failureRate: maybe(share),
  minCalls: maybe(count),
  windowMs: maybe(milliseconds.min(100).max(3_600_000)),
  successThreshold: maybe(count.max(1_000)),
  openMs: maybe(milliseconds.min(10)),
  maxOpenMs: maybe(milliseconds.min(10)),
  rampMs: maybe(milliseconds),
  quorum: maybe(count.max(1_000)),
});

const cacheFields = z.strictObject({
  ttlMs: maybe(milliseconds.min(1)),
  varyOn: maybe(z.array(z.string().min(1).max(256)).max(64)),
  errorsTtlMs: maybe(milliseconds),
  maxEntries: maybe(count.max(10_000_000)),
});

const scaleFields = z
  .strictObject({
    min: maybe(count.max(100_000)),
    max: maybe(count.max(100_000)),
    lagPerSlot: maybe(z.number().positive()),
    upAfterMs: maybe(milliseconds),
    downAfterMs: maybe(milliseconds),
    coolDownMs: maybe(milliseconds),
  })
  .refine(({ min, max }) => (min ?? DEFAULT_SCALE.min) <= (max ?? DEFAULT_SCALE.max), {
    path: ['max'],
    message: 'must not be less than min',
  });

const claimCheckFields = z.strictObject({
  overBytes: maybe(count.max(MAX_CLAIMED_BYTES)),
  ttlMs: maybe(milliseconds.min(1).max(2_592_000_000)),
});

type Loose<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | undefined };

/** `true`: on, as it stands elsewhere. A profile's name is short for its fields; fields beside `profile` overrule it. Profiles: built in, or the node's own. */
export type RetryFields = Loose<RetryPolicy> & { readonly profile?: string | undefined };
export type BreakerFields = Loose<BreakerPolicy> & { readonly profile?: string | undefined };
export type RetrySetting = boolean | string | RetryFields;
export type BreakerSetting = boolean | string | BreakerFields;
/** `true`: with the defaults. */
export type CacheSetting = boolean | Loose<CachePolicy>;

/** What may be said of one method; it overrules what is said of its service. */
export interface MethodSettings {
  /** How long a call waits for its answer, ms. */
  readonly timeoutMs?: number | undefined;
  readonly retry?: RetrySetting | undefined;
  readonly breaker?: BreakerSetting | undefined;
  readonly cache?: CacheSetting | undefined;
  /** A second try for queries after this long, ms; 0 = none. */
  readonly hedgeAfterMs?: number | undefined;
  /** How often, and how often at once, it runs over all nodes; said of a service: each of its methods. Default: no limit. */
  readonly limits?: LimitsSetting | undefined;
}

/** What may be said of a service; what is not said is left to the source below. */
export interface ServiceSettings extends MethodSettings {
  /** Calls of one node under way at once. Default 1,024. */
  readonly maxPending?: number | undefined;
  /**
   * `remote` (default): by the mailbox. `local`: only by an actor in this process. `auto`: by that where there is one with
   * room, else by the mailbox. `disabled`: refused.
   */
  readonly delivery?: Delivery | undefined;
  /** What callers of a disabled service are told. */
  readonly deliveryReason?: string | undefined;
  /** `auto` uses the mailbox above this load of the actor in this process. Default 0.7. */
  readonly localMaxLoad?: number | undefined;
  /** Reject at once when nobody healthy serves it, instead of waiting until the deadline. Default false. */
  readonly failFast?: boolean | undefined;
  /** Strategy of targeted sends. Default `pull`: not targeted, whoever has room takes. */
  readonly balance?: string | undefined;
  readonly canary?: CanaryPolicy | false | undefined;
  /** What becomes of a message for whose mailbox there is no room: `reject` (default), or `wait` in line. */
  readonly whenFull?: WhenFull | undefined;
  /**
   * Keeps large bodies of calls and casts beside the mailbox: those of more than `overBytes` (default 256 KiB), for `ttlMs`
   * (default 1 h). `true`: with the defaults. Default false.
   */
  readonly claimCheck?: ClaimCheckSetting | undefined;
  /** Handlers that run at once on each node. */
  readonly concurrency?: number | undefined;
  readonly scale?: Loose<ScalePolicy> | false | undefined;
  /** Share of the work that each instance wants, relative to instances elsewhere. */
  readonly weight?: number | undefined;
  readonly methods?: Readonly<Record<string, MethodSettings>> | undefined;
}

export const retryFieldsSchema: z.ZodType<RetryFields> = retryFieldsShape;
export const breakerFieldsSchema: z.ZodType<BreakerFields> = breakerFieldsShape;
export const retrySettingSchema: z.ZodType<RetrySetting> = z.union([z.boolean(), profileName, retryFieldsShape]);
export const breakerSettingSchema: z.ZodType<BreakerSetting> = z.union([z.boolean(), profileName, breakerFieldsShape]);
export const cacheSettingSchema: z.ZodType<CacheSetting> = z.union([z.boolean(), cacheFields]);

export type ClaimCheckSetting = boolean | Loose<ClaimCheckPolicy>;
export const whenFullSchema: z.ZodType<WhenFull> = z.enum(['reject', 'wait']);
export const claimCheckSettingSchema: z.ZodType<ClaimCheckSetting> = z.union([z.boolean(), claimCheckFields]);

const methodFields = {
  timeoutMs: maybe(milliseconds.min(1)),
  retry: maybe(retrySettingSchema),
  breaker: maybe(breakerSettingSchema),
  cache: maybe(cacheSettingSchema),
  hedgeAfterMs: maybe(milliseconds),
  limits: maybe(limitsSettingSchema),
};

export const methodSettingsSchema: z.ZodType<MethodSettings> = z.strictObject(methodFields);

export const serviceSettingsSchema: z.ZodType<ServiceSettings> = z.strictObject({
  ...methodFields,
  maxPending: maybe(count),
  delivery: maybe(z.enum(['auto', 'local', 'remote', 'disabled'])),
  deliveryReason: maybe(z.string().max(1_024)),
  localMaxLoad: maybe(share),
  failFast: maybe(z.boolean()),
  balance: maybe(z.string().min(1).max(64)),
  canary: maybe(
    z.union([z.literal(false), z.strictObject({ version: z.string().regex(/^\d+(?:\.\d+){0,2}$/), share })]),
  ),
  whenFull: maybe(whenFullSchema),
  claimCheck: maybe(claimCheckSettingSchema),
  concurrency: maybe(count.max(100_000)),
  scale: maybe(z.union([z.literal(false), scaleFields])),
  weight: maybe(z.number().positive().max(1_000_000)),
  methods: maybe(z.record(z.string().max(64), methodSettingsSchema)),
});
