/** What a node says of itself, and how what others say is read: strictly, because anybody who can write to the backend could have said it. */
import { z } from 'zod';
import { MOST_PARTITIONS } from './partitions.ts';

/** `starting` → `healthy` ⇄ `degraded` ⇄ `unhealthy`; `draining` ends it. */
export type InstanceStatus = 'starting' | 'healthy' | 'degraded' | 'unhealthy' | 'draining';

/** One actor served by one node. */
export interface ServedReport {
  /** Version of the contract. */
  readonly version: string;
  readonly methods: readonly string[];
  readonly status: InstanceStatus;
  /** Why the status is not `healthy`. */
  readonly reason?: string | undefined;
  /** Share of the work it wants, relative to others; 1 is usual. */
  readonly weight: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Stands for something outside. */
  readonly external?: boolean | undefined;
  /** Its mailbox has lines for them. */
  readonly priorities?: true | undefined;
  /** Its mailbox has lines for parties that take turns. */
  readonly fair?: true | undefined;
  /** It is keyed, and its mailbox split into so many. */
  readonly partitions?: number | undefined;
}

/** What a node is. It changes seldom; every change is news. */
export interface NodeReport {
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  /** Backend time, ms. */
  readonly startedAt: number;
  /** The worst of its own checks; what it serves may be worse. */
  readonly status: InstanceStatus;
  readonly reason?: string | undefined;
  /** Mailbox → what is served there. */
  readonly serves: Readonly<Record<string, ServedReport>>;
  /** Levels of alerts that somebody on this node has subscribed to; `any`: all. Absent: none. */
  readonly hears?: readonly string[] | undefined;
}

export interface CheckVitals {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly reason?: string | undefined;
}

/** How one served actor fares. */
export interface ActorVitals {
  readonly inFlight: number;
  /** In flight ÷ concurrency. */
  readonly load: number;
  /** 0 to 1; see `health/score.ts`. */
  readonly score: number;
  /** Smoothed time that its handlers take, ms; absent before the first. */
  readonly responseMs?: number | undefined;
}

/** How a node feels. It changes with every beat and is read on demand. */
export interface NodeVitals {
  readonly inFlight: number;
  /** In flight ÷ concurrency, over everything it serves. */
  readonly load: number;
  /** Longest delay of its event loop since the last beat, ms. */
  readonly loopDelayMs: number;
  /** Resident memory, MiB. */
  readonly memoryMb: number;
  /** By mailbox. */
  readonly actors: Readonly<Record<string, ActorVitals>>;
  /** `mailbox/method` → smoothed service time, ms. */
  readonly serviceMs: Readonly<Record<string, number>>;
  readonly checks: Readonly<Record<string, CheckVitals>>;
}

/** Bytes of meta data of one served actor, as JSON. */
export const MAX_META_BYTES = 4_096;
const MAX_TAGS = 64;
const MAX_SERVED = 10_000;
const MAX_HEARD = 16;

const word = z.string().max(256);
const status: z.ZodType<InstanceStatus> = z.enum(['starting', 'healthy', 'degraded', 'unhealthy', 'draining']);
const finite = z.number().finite();

/** They travel in a header, separated by commas. */
const tag = z
  .string()
  .max(64)
  .regex(/^[^\s,](?:[^,]*[^\s,])?$/, 'must be a text without commas, and without spaces around it');

export const tagsSchema: z.ZodType<readonly string[]> = z.array(tag).max(MAX_TAGS);

export const metaSchema: z.ZodType<Readonly<Record<string, string>>> = z
  .record(z.string().min(1).max(256), z.string())
  .refine((meta) => Buffer.byteLength(JSON.stringify(meta)) <= MAX_META_BYTES, {
    message: `must be at most ${MAX_META_BYTES} bytes as JSON`,
  });

/** A positive number, or text that is one. */
export const weightSchema: z.ZodType<number> = z
  .union([z.number(), z.string().regex(/^\d+(?:\.\d+)?$/, 'must be a number')])
  .transform(Number)
  .pipe(z.number().positive().max(1_000_000));

const servedSchema: z.ZodType<ServedReport> = z.object({
  version: word,
  methods: z.array(word).max(10_000),
  status,
  reason: z.string().max(4_096).optional(),
  weight: finite.positive().max(1_000_000),
  tags: tagsSchema,
  meta: metaSchema,
  external: z.boolean().optional(),
  priorities: z.literal(true).optional(),
  fair: z.literal(true).optional(),
  partitions: z.number().int().min(1).max(MOST_PARTITIONS).optional(),
});

const reportSchema = z.object({
  name: word,
  pid: finite,
  host: word,
  startedAt: finite,
  status,
  reason: z.string().max(4_096).optional(),
  serves: z.record(word, z.unknown()),
  hears: z.array(z.string().max(16)).max(MAX_HEARD).optional(),
});

const vitalsSchema: z.ZodType<NodeVitals> = z.object({
  inFlight: finite,
  load: finite,
  loopDelayMs: finite,
  memoryMb: finite,
  actors: z.record(
    word,
    z.object({ inFlight: finite, load: finite, score: finite.min(0).max(1), responseMs: finite.optional() }),
  ),
  serviceMs: z.record(word, finite),
  checks: z.record(
    word,
    z.object({ status: z.enum(['healthy', 'degraded', 'unhealthy']), reason: z.string().max(4_096).optional() }),
  ),
});

/**
 * Reads a report as it came from the backend; undefined when it is none. What it serves is read one by one: one entry
 * that cannot be read does not hide the others.
 */
export function parseReport(given: unknown): NodeReport | undefined {
  const parsed = reportSchema.safeParse(given);
  if (!parsed.success) return undefined;
  const { serves: raw, ...facts } = parsed.data;
  const serves: Record<string, ServedReport> = {};
  for (const [mailbox, one] of Object.entries(raw).slice(0, MAX_SERVED)) {
    const served = servedSchema.safeParse(one);
    if (served.success) serves[mailbox] = served.data;
  }
  return { ...facts, serves };
}

/** Reads vitals as they came from the backend; undefined when they are none. */
export function parseVitals(given: unknown): NodeVitals | undefined {
  const parsed = vitalsSchema.safeParse(given);
  return parsed.success ? parsed.data : undefined;
}
