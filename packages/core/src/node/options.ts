/** Every option of the runtime, parsed once at the door. Each default is a named constant with its unit. */
import { z } from 'zod';
import { alertsSchema, type AlertsOptions, type AlertsSettings } from '../alerts/options.ts';
import type { AlertHandler } from '../alerts/subscriber.ts';
import type { BeatOptions } from '../ports/broker.ts';
import type { ClientOptions } from '../calling/client.ts';
import { isContract, type Contract } from '../contract/contract.ts';
import { count, milliseconds } from '../ground/parse-options.ts';
import { MOST_PARTITIONS } from '../ports/partitions.ts';
import { metaSchema, tagsSchema, weightSchema } from '../ports/report.ts';
import type { CastOptions, RequestOptions, StreamOptions } from '../calling/request-options.ts';
import {
  LONGEST_SERVICE_NAME,
  breakerFieldsSchema,
  breakerSettingSchema,
  cacheSettingSchema,
  claimCheckSettingSchema,
  retryFieldsSchema,
  retrySettingSchema,
  serviceSettingsSchema,
  whenFullSchema,
  type BreakerFields,
  type RetryFields,
  type ServiceSettings,
} from '../policies/service-settings.ts';
import { DEFAULT_MAX_BODY_BYTES } from '../wire/wire.ts';

/** A call waits this long for its answer, a cast for its acceptance, ms. */
export const DEFAULT_TIMEOUT_MS = 30_000;
/** Handlers of one actor that run at once on one node. */
export const DEFAULT_CONCURRENCY = 64;
/** Deliveries of one message before it becomes a dead letter. */
export const DEFAULT_DELIVERIES = 3;
/** Wait before the first redelivery, ms; doubles each time. */
export const DEFAULT_REDELIVERY_MS = 1_000;
/** Longest wait between redeliveries, ms. */
export const DEFAULT_REDELIVERY_MAX_MS = 60_000;
/** A cast's handler may run this long, ms. */
export const DEFAULT_MAX_RUN_MS = 300_000;
/** Envelopes that may wait in one mailbox, delayed ones included. */
export const DEFAULT_MAX_LENGTH = 1_000_000;
/** Bytes that may wait in one mailbox, delayed ones included. */
export const DEFAULT_MAX_BYTES: number = 1024 * 1024 * 1024;
/** Time a closing node gives to what runs, ms. */
export const DEFAULT_DRAIN_MS = 10_000;
export const DEFAULT_BEAT_MS = 1_000;
export const DEFAULT_TTL_MS = 3_000;
export const DEFAULT_STALL_MS = 1_000;
export const DEFAULT_EVICT_MS = 30_000;
/** Share of the work that a node wants, relative to others. */
export const DEFAULT_WEIGHT = 1;
/** How long `createNode` waits for the services that it requires, ms. */
export const DEFAULT_REQUIRES_MS = 30_000;
/** How old a node's picture of the others may be, ms. */
export const DEFAULT_MAX_STALE_MS = 10_000;

/** Partitions of a keyed actor. */
export const DEFAULT_PARTITIONS = 32;
/** A key's state that was not used for so long leaves memory, ms. */
export const DEFAULT_IDLE_MS = 60_000;

/** Policies of an actor; every field has a default. */
export interface ActorOptions {
  /** Handlers that run at once on one node. Default 64. Threads: see `serve`. */
  readonly concurrency?: number | undefined;
  /** Messages that may wait in the mailbox, delayed ones included. Default 1,000,000. */
  readonly maxLength?: number | undefined;
  /** Bytes that may wait in the mailbox, delayed ones included. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /**
   * Dead letters that are kept, counted as `depth().dead` is: what died together is one. Beyond that the oldest are dropped,
   * within about a second of the next burial, and `deadDropped` is told. Default: all are kept.
   */
  readonly maxDead?: number | undefined;
  /** How long the handler of a cast may run, ms. Default 5 min. A call's handler has until the call's deadline. */
  readonly maxRunMs?: number | undefined;
  readonly redelivery?:
    | {
        /** Deliveries before a message becomes a dead letter. Default 3. */
        readonly deliveries?: number | undefined;
        /** Wait before the first redelivery, ms; doubles each time. Default 1 s. */
        readonly delayMs?: number | undefined;
        /** Longest wait, ms. Default 60 s. */
        readonly maxDelayMs?: number | undefined;
      }
    | undefined;
  /**
   * One message at a time, and in order, per `key` over all nodes that serve it; each call and cast must name one. The
   * mailbox is split into partitions at first use, for ever: the most nodes that can share the work.
   */
  readonly keyed?:
    | {
        /** Default 32, at most 1,024. */
        readonly partitions?: number | undefined;
        /** A key's state that was not used for so long leaves this node's memory, ms. Default 60 s. */
        readonly idleMs?: number | undefined;
      }
    | undefined;
  /**
   * Told first of what hurts this actor, on the node that says so, so that it can put itself right. It may `ctx.resolve()`.
   * Runs on the main thread.
   */
  readonly onPain?: AlertHandler | undefined;
}

export interface ActorPolicy {
  readonly concurrency: number;
  readonly maxLength: number;
  readonly maxBytes: number;
  readonly maxDead?: number | undefined;
  readonly maxRunMs: number;
  readonly redelivery: { readonly deliveries: number; readonly delayMs: number; readonly maxDelayMs: number };
  readonly keyed?: KeyedPolicy | undefined;
  readonly onPain?: AlertHandler | undefined;
}

export interface KeyedPolicy {
  readonly partitions: number;
  readonly idleMs: number;
}

export const actorOptionsSchema: z.ZodType<ActorPolicy> = z.strictObject({
  concurrency: count.max(100_000).default(DEFAULT_CONCURRENCY),
  maxLength: count.default(DEFAULT_MAX_LENGTH),
  maxBytes: count.default(DEFAULT_MAX_BYTES),
  maxDead: count.optional(),
  maxRunMs: milliseconds.min(1).default(DEFAULT_MAX_RUN_MS),
  redelivery: z
    .strictObject({
      deliveries: count.max(1_000).default(DEFAULT_DELIVERIES),
      delayMs: milliseconds.default(DEFAULT_REDELIVERY_MS),
      maxDelayMs: milliseconds.default(DEFAULT_REDELIVERY_MAX_MS),
    })
    .prefault({}),
  keyed: z
    .strictObject({
      partitions: count.max(MOST_PARTITIONS).default(DEFAULT_PARTITIONS),
      idleMs: milliseconds.min(10).default(DEFAULT_IDLE_MS),
    })
    .optional(),
  onPain: z.custom<AlertHandler>((value) => typeof value === 'function', 'must be a function (alert, ctx)').optional(),
});

/** What `createNode` takes, besides where its messages travel; every field has a default. */
export interface NodeSettings {
  /** Part of the node's id, for people. Default: `node`. Lower case letters, digits and dashes. */
  readonly name?: string | undefined;
  /** Nodes see only those of their namespace. Default `homeostat`. */
  readonly namespace?: string | undefined;
  /** Drain on SIGTERM and SIGINT, then end the process as the signal would. Default true; false: the program owns them. */
  readonly signals?: boolean | undefined;
  /** Time that closing gives to what runs, ms. Default 10 s. */
  readonly drainMs?: number | undefined;
  /** Of calls and casts that name none, ms. Default 30 s. */
  readonly timeoutMs?: number | undefined;
  /** Largest encoded body, bytes. Default 1 MiB and 1 KiB, so that 1 MiB of data with its head fits. */
  readonly maxBodyBytes?: number | undefined;
  /** What holds for every service, unless more is said of it. */
  readonly defaults?: ServiceSettings | undefined;
  /** What holds for single services, by name. */
  readonly services?: Readonly<Record<string, ServiceSettings>> | undefined;
  /** A `.json` or `.toml` file with `defaults` and `services`; what is given here overrules it. */
  readonly config?: string | URL | undefined;
  /** Named sets of fields that `retry: 'name'` and `breaker: 'name'` stand for, beside the built-in ones. */
  readonly profiles?:
    | {
        readonly retry?: Readonly<Record<string, RetryFields>> | undefined;
        readonly breaker?: Readonly<Record<string, BreakerFields>> | undefined;
      }
    | undefined;
  /** Of everything this node serves. Default none. */
  readonly tags?: readonly string[] | undefined;
  /** Of everything this node serves; at most 4 KiB as JSON. Default none. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** Share of the work this node wants, relative to others. Default 1. */
  readonly weight?: number | string | undefined;
  /** Services without which this node is of no use: `createNode` waits for them, `requiresTimeoutMs` long. */
  readonly requires?: readonly string[] | undefined;
  /** Default 30 s. */
  readonly requiresTimeoutMs?: number | undefined;
  /** How old this node's picture of the others may be before it is read anew, ms. Default 10 s. */
  readonly maxStaleMs?: number | undefined;
  /** What hurts, whom it is told to, and what is alerted by itself; every field has a default. */
  readonly alerts?: AlertsOptions | undefined;
  readonly beat?:
    | {
        /** Between two beats, ms. Default 1 s. */
        readonly intervalMs?: number | undefined;
        /** Silence after which a node is dead, ms; at least three intervals. Default 3 s. */
        readonly ttlMs?: number | undefined;
        /** A main thread without progress for this long makes the node unhealthy, ms. Default 1 s. */
        readonly stallMs?: number | undefined;
        /** A main thread without progress for this long makes the node dead, ms. Default 30 s. */
        readonly evictMs?: number | undefined;
      }
    | undefined;
}

export interface NodePolicy {
  readonly name: string;
  readonly namespace: string;
  readonly signals: boolean;
  readonly drainMs: number;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly defaults: ServiceSettings;
  readonly services: Readonly<Record<string, ServiceSettings>>;
  readonly config?: string | URL | undefined;
  readonly profiles: {
    readonly retry?: Readonly<Record<string, RetryFields>> | undefined;
    readonly breaker?: Readonly<Record<string, BreakerFields>> | undefined;
  };
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weight: number;
  readonly requires: readonly string[];
  readonly requiresTimeoutMs: number;
  readonly maxStaleMs: number;
  readonly alerts: AlertsSettings;
  readonly beat: BeatOptions;
}

export const nodeSettingsSchema: z.ZodType<NodePolicy> = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'lower case letters, digits and dashes, at most 64')
    .default('node'),
  namespace: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower case letters, digits, dots and dashes, at most 64')
    .default('homeostat'),
  signals: z.boolean().default(true),
  drainMs: milliseconds.default(DEFAULT_DRAIN_MS),
  timeoutMs: milliseconds.min(1).default(DEFAULT_TIMEOUT_MS),
  maxBodyBytes: count.max(256 * 1024 * 1024).default(DEFAULT_MAX_BODY_BYTES),
  defaults: serviceSettingsSchema.default({}),
  services: z.record(z.string().min(1).max(LONGEST_SERVICE_NAME), serviceSettingsSchema).default({}),
  config: z.union([z.string().min(1), z.instanceof(URL)]).optional(),
  profiles: z
    .strictObject({
      retry: z.record(z.string(), retryFieldsSchema).optional(),
      breaker: z.record(z.string(), breakerFieldsSchema).optional(),
    })
    .prefault({}),
  tags: tagsSchema.default([]),
  meta: metaSchema.default({}),
  weight: weightSchema.default(DEFAULT_WEIGHT),
  requires: z.array(z.string().min(1).max(64)).max(1_000).default([]),
  requiresTimeoutMs: milliseconds.default(DEFAULT_REQUIRES_MS),
  maxStaleMs: milliseconds.min(100).default(DEFAULT_MAX_STALE_MS),
  alerts: alertsSchema,
  beat: z
    .strictObject({
      intervalMs: milliseconds.min(20).default(DEFAULT_BEAT_MS),
      ttlMs: milliseconds.min(60).default(DEFAULT_TTL_MS),
      stallMs: milliseconds.min(20).default(DEFAULT_STALL_MS),
      evictMs: milliseconds.min(100).default(DEFAULT_EVICT_MS),
    })
    .refine((beat) => beat.ttlMs >= 3 * beat.intervalMs, {
      path: ['ttlMs'],
      message: 'must be at least three beat intervals',
    })
    .prefault({}),
});

const fallbackSchema = z.custom<NonNullable<RequestOptions['fallback']>>(
  (value) => typeof value === 'function',
  'must be a function (error, input) => value',
);

const wishes = {
  tags: tagsSchema.optional(),
  node: z.string().min(1).max(128).optional(),
};

export const clientOptionsSchema: z.ZodType<ClientOptions> = z.strictObject({
  timeoutMs: milliseconds.min(1).optional(),
  retry: retrySettingSchema.optional(),
  breaker: breakerSettingSchema.optional(),
  cache: cacheSettingSchema.optional(),
  fallback: z
    .union([fallbackSchema, z.custom<Contract>(isContract)], 'must be a contract or a function (error, input) => value')
    .optional(),
  failFast: z.boolean().optional(),
  whenFull: whenFullSchema.optional(),
  claimCheck: claimCheckSettingSchema.optional(),
  balance: z.string().min(1).max(64).optional(),
  delivery: z.enum(['auto', 'local', 'remote']).optional(),
  ...wishes,
});

/** UTF-16 units of the key of a message. */
export const MAX_KEY_LENGTH = 512;

const requestIdSchema = z.string().regex(/^[ -~]{1,256}$/, 'must be 1 to 256 printable ASCII characters');

/** A moment, ms since the epoch, as far as a Date reaches. */
const moment = z.number().positive().max(8.64e15);

/** What a timer can hold, ms. */
const LONGEST_DELAY_MS = 2_147_483_647;
const delay = z.number().int().min(0).max(LONGEST_DELAY_MS, 'at most 2,147,483,647 ms (24 days): for longer, give at');

const request = {
  timeoutMs: milliseconds.min(1).optional(),
  deadline: moment.optional(),
  signal: z.instanceof(AbortSignal).optional(),
  key: z.string().min(1).max(MAX_KEY_LENGTH).optional(),
  id: requestIdSchema.optional(),
  headers: z.record(z.string().max(256), z.string().max(8_192)).optional(),
  whenFull: whenFullSchema.optional(),
  orphan: z.enum(['skip', 'run']).optional(),
  priority: z.enum(['high', 'normal', 'low']).optional(),
  ...wishes,
};

const protection = {
  retry: retrySettingSchema.optional(),
  breaker: breakerSettingSchema.optional(),
  cache: z.union([z.literal('refresh'), cacheSettingSchema]).optional(),
  fallback: fallbackSchema.optional(),
};

const notBoth = <Options extends { timeoutMs?: unknown; deadline?: unknown }>(options: Options): boolean =>
  options.timeoutMs === undefined || options.deadline === undefined;

const NOT_BOTH = { path: ['deadline'], message: 'give either timeoutMs or deadline' };

export const requestOptionsSchema: z.ZodType<RequestOptions> = z
  .strictObject({ ...request, ...protection })
  .refine(notBoth, NOT_BOTH);

export const streamOptionsSchema: z.ZodType<StreamOptions> = z.strictObject({
  timeoutMs: request.timeoutMs,
  deadline: request.deadline,
  signal: request.signal,
  key: request.key,
  headers: request.headers,
  priority: request.priority,
  orphan: request.orphan,
  retry: protection.retry,
  breaker: protection.breaker,
  ...wishes,
});

export const castOptionsSchema: z.ZodType<CastOptions> = z
  .strictObject({
    ...request,
    delayMs: delay.optional(),
    at: z.union([moment, z.date()]).optional(),
  })
  .refine(notBoth, NOT_BOTH)
  .refine((options) => options.delayMs === undefined || options.at === undefined, {
    path: ['at'],
    message: 'give either delayMs or at',
  })
  .refine(
    ({ delayMs, at, node, tags }) =>
      (delayMs === undefined && at === undefined) || (node === undefined && tags === undefined),
    { path: ['delayMs'], message: 'a delayed cast goes to whoever has room when it is due: leave out node and tags' },
  );
