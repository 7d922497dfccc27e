/** Options of a thread pool, parsed once, each default a named constant with its unit. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { DEFAULT_MAX_BODY_BYTES } from '../frame.ts';
import { defaultLog, type Log } from '../log.ts';
import { parseOptions } from '../options.ts';

/** Heap of one thread, MiB. It does not bound Buffers: those live outside the heap. */
export const DEFAULT_MAX_HEAP_MB = 512;
/** Jobs after which a thread is replaced by a fresh one, so that what a handler leaks stays bounded. */
export const DEFAULT_RECYCLE_AFTER = 10_000;
/** Jobs that run at once in one thread. */
export const DEFAULT_PER_THREAD = 1;
/** Between asking a job to stop and ending its thread, ms. */
export const DEFAULT_KILL_GRACE_MS = 100;
/** A module must have loaded within this time, ms. */
export const DEFAULT_LOAD_MS = 30_000;

const count = z.number().int().min(1);
const milliseconds = z.number().int().min(0).max(2_147_483_647);
const location = z.union([z.instanceof(URL), z.string().regex(/^file:/, 'must be a file: URL')]).transform(String);

const threadPoolOptionsSchema = z.strictObject({
  /** Where the module lies whose default export is the actor: `new URL('./x.actor.js', import.meta.url)`. */
  module: location,
  /** Threads. Default: one less than the machine has processors, at least 1. */
  threads: count.max(1_024).default(() => Math.max(1, availableParallelism() - 1)),
  /** Jobs in flight per thread. More than 1 suits handlers that wait; they share the fate of their thread. */
  perThread: count.max(1_024).default(DEFAULT_PER_THREAD),
  maxHeapMb: count.default(DEFAULT_MAX_HEAP_MB),
  /** Young generation of one thread's heap, MiB. Default: Node's. */
  maxYoungMb: count.optional(),
  /** Stack of one thread, MiB. Default: Node's, 4. */
  stackMb: count.max(1_024).optional(),
  recycleAfter: count.default(DEFAULT_RECYCLE_AFTER),
  /** Environment of the threads. Default: a copy of this process's, secrets included. */
  env: z.record(z.string(), z.string()).optional(),
  /** Node's command line options for the threads. Default: those of this process. */
  execArgv: z.array(z.string()).optional(),
  killGraceMs: milliseconds.default(DEFAULT_KILL_GRACE_MS),
  loadMs: milliseconds.min(1).default(DEFAULT_LOAD_MS),
  maxBodyBytes: count.default(DEFAULT_MAX_BODY_BYTES),
  /** The worker's own file; needed only where a bundler has moved this one away from it. */
  workerFile: location.default(() => new URL('./thread.js', import.meta.url).href),
  /** Where handlers' `ctx.log` writes, and where the pool tells of dead threads. Default: `defaultLog()`. */
  log: z.custom<Log>((value) => typeof (value as Log | undefined)?.info === 'function', 'must be a pino-shaped logger').default(() => defaultLog()),
});

export type ThreadPoolOptions = z.input<typeof threadPoolOptionsSchema>;
export type ThreadSettings = Readonly<z.output<typeof threadPoolOptionsSchema>>;

/** @throws ConfigError naming the option, or the file that is not there. */
export function parseThreadPoolOptions(options: ThreadPoolOptions): ThreadSettings {
  const settings = parseOptions(threadPoolOptionsSchema, options, 'thread pool');
  mustExist(settings.module, 'thread pool.module');
  mustExist(settings.workerFile, 'thread pool.workerFile', 'When this package is bundled, mark @homeostat/core as external, or emit its dist/src/pools/thread.js beside the bundle and give its URL as workerFile.');
  return settings;
}

function mustExist(url: string, option: string, hint = 'Give it as new URL(\'./x.actor.js\', import.meta.url).'): void {
  let file: string;
  try {
    file = fileURLToPath(url);
  } catch (cause) {
    throw new ConfigError(`${option}: ${url} must be a file: URL`, cause);
  }
  if (!existsSync(file)) throw new ConfigError(`${option}: there is no file ${file}. ${hint}`);
}
