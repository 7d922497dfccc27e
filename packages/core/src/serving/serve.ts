import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { ConfigError } from '../ground/errors.ts';
import { count, parseOptions } from '../ground/parse-options.ts';
import { metaSchema, tagsSchema, weightSchema } from '../ports/report.ts';

/** How an actor is served. */
export interface ServeOptions {
  /** Where its handlers run. Default `async`: on this thread. `threads` needs a module's URL. */
  readonly pool?: 'async' | 'threads' | undefined;
  /** Worker threads. Default: one less than the machine has cores, at least 1. */
  readonly threads?: number | undefined;
  /** Heap of one thread, MiB. Default 512. */
  readonly maxHeapMb?: number | undefined;
  /** Messages after which a thread is replaced. Default 10,000. */
  readonly recycleAfter?: number | undefined;
  /** Beside the node's own. A caller may ask for instances with certain tags. */
  readonly tags?: readonly string[] | undefined;
  /** Over the node's own; at most 4 KiB as JSON. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** Share of the work that this instance wants, relative to instances elsewhere. Default: the node's. */
  readonly weight?: number | string | undefined;
  /** It stands for something outside: others are told so. Default false. */
  readonly external?: boolean | undefined;
}

export interface Serving {
  readonly pool: 'async' | 'threads';
  readonly module: URL | undefined;
  readonly threads: number;
  readonly maxHeapMb: number | undefined;
  readonly recycleAfter: number | undefined;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weight: number | undefined;
  readonly external: boolean;
}

const schema: z.ZodType<Omit<ServeOptions, 'weight'> & { readonly weight?: number | undefined }> = z.strictObject({
  pool: z.enum(['async', 'threads']).optional(),
  threads: count.max(1_024).optional(),
  maxHeapMb: count.optional(),
  recycleAfter: count.optional(),
  tags: tagsSchema.optional(),
  meta: metaSchema.optional(),
  weight: weightSchema.optional(),
  external: z.boolean().optional(),
});

/** @throws ConfigError naming the option that is wrong. */
export function serveOptions(options: ServeOptions, actor: unknown): Serving {
  const { pool = 'async', threads, tags = [], meta = {}, ...rest } = parseOptions(schema, options, 'serve');
  const module = actor instanceof URL ? actor : undefined;
  if (pool === 'threads' && module === undefined) {
    throw new ConfigError(
      "serve: pool 'threads' needs the URL of a module whose default export is the actor: functions cannot be sent to a thread",
    );
  }
  const { maxHeapMb, recycleAfter, weight, external = false } = rest;
  if (pool !== 'threads') refuseOfThreads({ threads, maxHeapMb, recycleAfter });
  const own = { tags, meta, weight, external };
  return { pool, module, threads: threads ?? Math.max(1, availableParallelism() - 1), maxHeapMb, recycleAfter, ...own };
}

/** @throws ConfigError: whoever says one of them means threads, and would get none. */
function refuseOfThreads(given: Pick<ServeOptions, 'threads' | 'maxHeapMb' | 'recycleAfter'>): void {
  for (const [option, value] of Object.entries(given))
    if (value !== undefined) throw new ConfigError(`serve.${option}: goes with pool: 'threads' only`);
}
