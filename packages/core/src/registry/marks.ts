/** Marks set by hand: a status that wins over the checks, for every node to see, until it is taken away or its time is up. */
import { z } from 'zod';
import type { InstanceStatus } from '../ports/report.ts';
import { milliseconds } from '../ground/parse-options.ts';
import type { SharedRecord } from '../ports/records.ts';

/** The family of these records. */
export const MARK = 'mark';

export interface Mark {
  readonly service: string;
  readonly nodeId: string;
  readonly status: MarkStatus;
  readonly reason?: string | undefined;
  /** Backend time, ms, from which on it is void; undefined: until it is taken away. */
  readonly until?: number | undefined;
  readonly by: string;
  readonly at: number;
  readonly revision: number;
}

/** A mark cannot make an instance start. */
export type MarkStatus = Exclude<InstanceStatus, 'starting'>;

export interface MarkOptions {
  /** Shown wherever the status is. */
  readonly reason?: string | undefined;
  /** The mark holds this long, ms. Default: until it is taken away. */
  readonly ttlMs?: number | undefined;
  /** Who does this. Default: this node. */
  readonly by?: string | undefined;
}

const markStatus = z.enum(['healthy', 'degraded', 'unhealthy', 'draining']);
const reason = z.string().max(1_024).optional();
const name = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^/\s]+$/, 'must be a name without slashes and spaces');

const bodySchema = z.object({ status: markStatus, reason });

const recordSchema: z.ZodType<SharedRecord> = z.object({
  name: z.string().max(1_024),
  revision: z.number().int().min(0),
  body: z.unknown().optional(),
  until: z.number().optional(),
  at: z.number(),
  by: z.string().max(1_024),
}) as z.ZodType<SharedRecord>;

interface MarkRequest {
  readonly service: string;
  readonly nodeId: string;
  readonly status?: MarkStatus | undefined;
  readonly reason?: string | undefined;
  readonly ttlMs?: number | undefined;
  readonly by?: string | undefined;
}

/** What `setStatus` takes. */
export const markRequestSchema: z.ZodType<MarkRequest> = z.strictObject({
  service: name,
  nodeId: name,
  status: markStatus.optional(),
  reason,
  ttlMs: milliseconds.min(1).optional(),
  by: z.string().min(1).max(256).optional(),
});

export function markName(service: string, nodeId: string): string {
  return `${service}/${nodeId}`;
}

/** What a record says: a mark, or that there is none any more. */
export interface MarkRecord {
  readonly service: string;
  readonly nodeId: string;
  readonly revision: number;
  readonly mark: Mark | undefined;
}

/** Undefined when it cannot be read. */
export function parseMark(id: string, given: unknown): MarkRecord | undefined {
  const record = recordSchema.safeParse(given);
  const slash = id.indexOf('/');
  if (!record.success || slash < 1) return undefined;
  const { until, by, at, revision, body: told } = record.data;
  const place = { service: id.slice(0, slash), nodeId: id.slice(slash + 1), revision };
  if (told === undefined || told === null) return { ...place, mark: undefined };
  const body = bodySchema.safeParse(told);
  return body.success ? { ...place, mark: { ...place, ...body.data, until, by, at } } : undefined;
}

export class Marks {
  readonly #marks = new Map<string, Mark>();

  of(service: string, nodeId: string): Mark | undefined {
    return this.#marks.size === 0 ? undefined : this.#marks.get(markName(service, nodeId));
  }

  all(): readonly Mark[] {
    return [...this.#marks.values()];
  }

  set(mark: Mark): void {
    this.#marks.set(markName(mark.service, mark.nodeId), mark);
  }

  delete(service: string, nodeId: string): void {
    this.#marks.delete(markName(service, nodeId));
  }

  /** When the next of them is void, backend time, ms. */
  nextEnd(): number | undefined {
    let first: number | undefined;
    for (const { until } of this.#marks.values()) {
      if (until !== undefined && (first === undefined || until < first)) first = until;
    }
    return first;
  }
}
