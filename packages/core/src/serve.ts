import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { ConfigError } from './errors.ts';
import { parseOptions } from './options.ts';

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
}

export interface Serving {
  readonly pool: 'async' | 'threads';
  readonly module: URL | undefined;
  readonly threads: number;
  readonly maxHeapMb: number | undefined;
  readonly recycleAfter: number | undefined;
}

const count = z.number().int().min(1);

const schema: z.ZodType<ServeOptions> = z.strictObject({
  pool: z.enum(['async', 'threads']).optional(),
  threads: count.max(1_024).optional(),
  maxHeapMb: count.optional(),
  recycleAfter: count.optional(),
});

/** @throws ConfigError naming the option that is wrong. */
export function serveOptions(options: ServeOptions, actor: unknown): Serving {
  const { pool = 'async', threads, maxHeapMb, recycleAfter } = parseOptions(schema, options, 'serve');
  const module = actor instanceof URL ? actor : undefined;
  if (pool === 'threads' && module === undefined) {
    throw new ConfigError(
      "serve: pool 'threads' needs the URL of a module whose default export is the actor: functions cannot be sent to a thread",
    );
  }
  return { pool, module, threads: threads ?? Math.max(1, availableParallelism() - 1), maxHeapMb, recycleAfter };
}
