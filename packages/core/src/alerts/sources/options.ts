/** What the built-in sources of alerts look at, and from when on it hurts. Each of them can be switched off: `false`. */
import { z } from 'zod';
import { count, milliseconds } from '../../ground/parse-options.ts';

/** Between two looks at what has no event of its own, ms. */
export const DEFAULT_LOOK_MS = 15_000;
/** Failed calls in a row of a critical service that are borne. */
export const DEFAULT_CRITICAL_AFTER = 3;
/** Share of failed calls from which on an open breaker is critical. S3-24. */
export const DEFAULT_ALERT_AT = 0.8;
/** How long the last instance of a service may be gone before its mailbox is looked at, ms. */
export const DEFAULT_GONE_MS = 1_000;
/** Part of `maxLength` or `maxBytes`. */
export const DEFAULT_FILLING = 0.8;
/** A lag below this many messages may grow as it likes. */
export const DEFAULT_MIN_LAG = 100;
/** Shares of failed work. */
export const DEFAULT_ERROR_RATES = { medium: 0.05, high: 0.1, critical: 0.2 } as const;
/** With less work in the window nothing is said of its errors or its time. */
export const DEFAULT_MIN_CALLS = 20;
/** How far back a rate looks, ms. */
export const DEFAULT_WINDOW_MS = 60_000;
/** A main thread that stands for so long, ms. */
export const DEFAULT_LOOP_MS = 500;
/** How long the main thread must run freely until that is over, ms. */
export const DEFAULT_LOOP_CALM_MS = 30_000;
/** Deaths of the threads of one pool within the window. */
export const DEFAULT_DEATHS = 3;
/** Refusals of one service within the window. */
export const DEFAULT_AUTH_FAILURES = 5;
/** Codes of errors that say who it is, or that he may not. */
export const DEFAULT_AUTH_CODES: readonly string[] = ['UNAUTHORIZED', 'FORBIDDEN'];
/** What comes in spells is over when it has not come for so long, ms. */
export const DEFAULT_CALM_MS = 60_000;
/** Parts of the memory that the backend may use. */
export const DEFAULT_BACKEND_MEMORY = { medium: 0.8, high: 0.9 } as const;
/** Parts of the memory that this process may use: 80 % of the limit, and the limit. S4-21. */
export const DEFAULT_MEMORY = { medium: 0.72, high: 0.9 } as const;
/** Parts of the time that the main thread is busy, or of all processors: 80 %, 100 % and 120 % of the limit. S4-21. */
export const DEFAULT_CPU = { medium: 0.64, high: 0.8, critical: 0.96 } as const;
/** Open sockets of this process: 80 %, 100 % and 120 % of the limit. S4-21. */
export const DEFAULT_CONNECTIONS = { medium: 800, high: 1_000, critical: 1_200 } as const;
/** Mean time that handlers of calls take, ms: 50 %, 100 % and 120 % of the limit. S4-21. */
export const DEFAULT_RESPONSE_MS = { medium: 500, high: 1_000, critical: 1_200 } as const;
/** Messages in a row without an error that are a joy. */
export const DEFAULT_ERROR_FREE = 10_000;
/** Part by which the 99th percentile must fall below what is usual. */
export const DEFAULT_FASTER_BY = 0.2;
/** What is compared with what is usual, ms. */
export const DEFAULT_FASTER_MS = 300_000;
/** With less work in it nothing is said of a window. */
export const DEFAULT_FASTER_SAMPLES = 200;

/** From when on it hurts, and how much; what is left out is never said. */
export interface Thresholds {
  readonly medium?: number | undefined;
  readonly high?: number | undefined;
  readonly critical?: number | undefined;
}

export interface SourcesPolicy {
  readonly lookMs: number;
  /** Services of which a few failed calls in a row are critical: payment, authentication. */
  readonly criticalServices: readonly string[];
  readonly criticalAfter: number;
  readonly breaker: { readonly alertAt: number } | false;
  readonly nodeExpired: boolean;
  readonly noConsumers: { readonly goneMs: number } | false;
  readonly mailboxLevel: { readonly filling: number } | false;
  readonly lagGrowing: { readonly minLag: number } | false;
  readonly deadLetters: boolean;
  readonly errorRate: (Thresholds & { readonly minCalls: number; readonly windowMs: number }) | false;
  /** `highMs` is the node's `stallMs` unless given. */
  readonly eventLoop:
    | { readonly mediumMs: number; readonly highMs?: number | undefined; readonly calmMs: number }
    | false;
  readonly workerCrashLoop: { readonly deaths: number; readonly windowMs: number } | false;
  readonly retryBudget: { readonly calmMs: number } | false;
  readonly authFailures:
    | { readonly failures: number; readonly windowMs: number; readonly codes: readonly string[] }
    | false;
  readonly configRejected: boolean;
  /** Groups of topics that were dropped because nobody served them. */
  readonly topicGroups: boolean;
  readonly backendMemory: (Thresholds & { readonly calmMs: number }) | false;
  readonly memory: Thresholds | false;
  readonly cpu: Thresholds | false;
  readonly connections: Thresholds | false;
  /** `services`: limits of services that take longer by nature, ms; the thresholds hold in proportion. */
  readonly responseTime:
    | (Thresholds & {
        readonly minCalls: number;
        readonly windowMs: number;
        readonly services: Readonly<Record<string, number>>;
      })
    | false;
  readonly checks: boolean;
  readonly recovered: boolean;
  readonly errorFree: { readonly messages: number } | false;
  readonly faster: { readonly by: number; readonly windowMs: number; readonly minSamples: number } | false;
}

/** The same as it is given: every field has a default. */
export type SourcesOptions = { readonly [Name in keyof SourcesPolicy]?: Given<SourcesPolicy[Name]> | undefined };

type Given<Value> = Value extends boolean | number | readonly string[]
  ? Value
  : { readonly [Name in keyof Value]?: Value[Name] | undefined };

const share = z.number().gt(0).max(1);
const positive = z.number().gt(0);
const windowMs = milliseconds.min(1_000).max(86_400_000).default(DEFAULT_WINDOW_MS);
const calmMs = milliseconds.default(DEFAULT_CALM_MS);
const minCalls = count.default(DEFAULT_MIN_CALLS);

/** `false`, or what is given of it, with a default for the rest. */
function source<Shape extends z.ZodRawShape>(shape: Shape): z.ZodType {
  return z.union([z.literal(false), z.strictObject(shape).refine(grows, GROWS)]).prefault({} as never);
}

const GROWS = { message: 'medium, high and critical must not fall' };

function grows(given: object): boolean {
  const { medium = 0, high = medium, critical = Math.max(medium, high) } = given as Thresholds;
  return medium <= high && high <= critical;
}

export const sourcesSchema: z.ZodType<SourcesPolicy> = z.strictObject({
  lookMs: milliseconds.min(10).default(DEFAULT_LOOK_MS),
  criticalServices: z.array(z.string().min(1).max(64)).max(1_000).default([]),
  criticalAfter: count.default(DEFAULT_CRITICAL_AFTER),
  breaker: source({ alertAt: share.default(DEFAULT_ALERT_AT) }),
  nodeExpired: z.boolean().default(true),
  noConsumers: source({ goneMs: milliseconds.default(DEFAULT_GONE_MS) }),
  mailboxLevel: source({ filling: share.default(DEFAULT_FILLING) }),
  lagGrowing: source({ minLag: count.default(DEFAULT_MIN_LAG) }),
  deadLetters: z.boolean().default(true),
  errorRate: source({
    medium: share.default(DEFAULT_ERROR_RATES.medium),
    high: share.default(DEFAULT_ERROR_RATES.high),
    critical: share.default(DEFAULT_ERROR_RATES.critical),
    minCalls,
    windowMs,
  }),
  eventLoop: source({
    mediumMs: milliseconds.min(1).default(DEFAULT_LOOP_MS),
    highMs: milliseconds.min(1).optional(),
    calmMs: milliseconds.default(DEFAULT_LOOP_CALM_MS),
  }),
  workerCrashLoop: source({ deaths: count.max(100).default(DEFAULT_DEATHS), windowMs }),
  retryBudget: source({ calmMs }),
  authFailures: source({
    failures: count.max(10_000).default(DEFAULT_AUTH_FAILURES),
    windowMs,
    codes: z
      .array(z.string().min(1).max(64))
      .min(1)
      .max(64)
      .default([...DEFAULT_AUTH_CODES]),
  }),
  configRejected: z.boolean().default(true),
  topicGroups: z.boolean().default(true),
  backendMemory: source({
    medium: share.default(DEFAULT_BACKEND_MEMORY.medium),
    high: share.default(DEFAULT_BACKEND_MEMORY.high),
    calmMs,
  }),
  memory: source({ medium: share.default(DEFAULT_MEMORY.medium), high: share.default(DEFAULT_MEMORY.high) }),
  cpu: source({
    medium: share.default(DEFAULT_CPU.medium),
    high: share.default(DEFAULT_CPU.high),
    critical: share.default(DEFAULT_CPU.critical),
  }),
  connections: source({
    medium: positive.default(DEFAULT_CONNECTIONS.medium),
    high: positive.default(DEFAULT_CONNECTIONS.high),
    critical: positive.default(DEFAULT_CONNECTIONS.critical),
  }),
  responseTime: source({
    medium: positive.default(DEFAULT_RESPONSE_MS.medium),
    high: positive.default(DEFAULT_RESPONSE_MS.high),
    critical: positive.default(DEFAULT_RESPONSE_MS.critical),
    minCalls,
    windowMs,
    services: z.record(z.string().min(1).max(64), positive).default({}),
  }),
  checks: z.boolean().default(true),
  recovered: z.boolean().default(true),
  errorFree: source({ messages: count.default(DEFAULT_ERROR_FREE) }),
  faster: source({
    by: share.default(DEFAULT_FASTER_BY),
    windowMs: milliseconds.min(1_000).default(DEFAULT_FASTER_MS),
    minSamples: count.default(DEFAULT_FASTER_SAMPLES),
  }),
}) as unknown as z.ZodType<SourcesPolicy>;
