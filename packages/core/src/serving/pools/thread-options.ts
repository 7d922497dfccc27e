/** Options of a thread pool, parsed once, each default a named constant with its unit. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ConfigError } from '../../ground/errors.ts';
import { DEFAULT_MAX_BODY_BYTES } from '../../wire/frame.ts';
import { defaultLog, type Log } from '../../ground/log.ts';
import { parseOptions } from '../../ground/parse-options.ts';

/** Heap of one thread, MiB. It does not bound Buffers: those live outside the heap. */
export const DEFAULT_MAX_HEAP_MB = 512;
/**
 * Young generation of one thread, MiB. With Node 24's own default a thread that fills its heap takes the whole process
 * with it: what survives one collection outgrows the 16 MiB that Node grants a thread to die in.
 */
export const DEFAULT_MAX_YOUNG_MB = 32;
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

export interface ThreadPoolOptions {
  /** The module whose default export is the actor: `new URL('./x.actor.js', import.meta.url)`. */
  readonly module: URL | string;
  /** Default: one less than the machine has processors, at least 1. */
  readonly threads?: number;
  /** Jobs in flight per thread, default 1. More suits handlers that wait; jobs of one thread share its fate. */
  readonly perThread?: number;
  /** Heap of one thread, MiB; default 512. Buffers live outside the heap and are not bounded. */
  readonly maxHeapMb?: number;
  /** Young generation of one thread's heap, MiB; default 32. Above 48 a full heap may end the whole process. */
  readonly maxYoungMb?: number;
  /** Stack of one thread, MiB. Default: Node's, 4. */
  readonly stackMb?: number;
  /** Jobs after which a thread is replaced, default 10,000. */
  readonly recycleAfter?: number;
  /** Environment of the threads. Default: a copy of this process's, secrets included. */
  readonly env?: Readonly<Record<string, string>>;
  /** Node's command line options for the threads. Default: those of this process. */
  readonly execArgv?: readonly string[];
  /** Between asking a job to stop and ending its thread, ms; default 100. */
  readonly killGraceMs?: number;
  /** A module must have loaded within this time, ms; default 30,000. */
  readonly loadMs?: number;
  /** Largest encoded answer, bytes. */
  readonly maxBodyBytes?: number;
  /** The worker's own file; needed only where a bundler has moved this one away from it. */
  readonly workerFile?: URL | string;
  /** Where handlers' `ctx.log` writes, and where the pool tells of dead threads. Default: `defaultLog()`. */
  readonly log?: Log;
  /** Told, in words, how a thread has died whose module had loaded in time. Must not throw. */
  readonly onDeath?: (reason: string) => void;
}

/** The options with every default filled in, URLs as text. */
export interface ThreadSettings extends Required<
  Omit<ThreadPoolOptions, 'module' | 'workerFile' | 'stackMb' | 'env' | 'execArgv' | 'onDeath'>
> {
  readonly module: string;
  readonly workerFile: string;
  readonly stackMb?: number | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly execArgv?: readonly string[] | undefined;
  readonly onDeath?: ((reason: string) => void) | undefined;
}

const schema: z.ZodType<ThreadSettings> = z.strictObject({
  module: location,
  threads: count.max(1_024).default(() => Math.max(1, availableParallelism() - 1)),
  perThread: count.max(1_024).default(DEFAULT_PER_THREAD),
  maxHeapMb: count.default(DEFAULT_MAX_HEAP_MB),
  maxYoungMb: count.default(DEFAULT_MAX_YOUNG_MB),
  stackMb: count.max(1_024).optional(),
  recycleAfter: count.default(DEFAULT_RECYCLE_AFTER),
  env: z.record(z.string(), z.string()).optional(),
  execArgv: z.array(z.string()).optional(),
  killGraceMs: milliseconds.default(DEFAULT_KILL_GRACE_MS),
  loadMs: milliseconds.min(1).default(DEFAULT_LOAD_MS),
  maxBodyBytes: count.default(DEFAULT_MAX_BODY_BYTES),
  workerFile: location.default(() => new URL('./thread.js', import.meta.url).href),
  log: z
    .custom<Log>((value) => typeof (value as Log | undefined)?.info === 'function', 'must be a pino-shaped logger')
    .default(() => defaultLog()),
  onDeath: z.custom<(reason: string) => void>((value) => typeof value === 'function', 'must be a function').optional(),
});

/** @throws ConfigError naming the option, or the file that is not there. */
export function parseThreadPoolOptions(options: ThreadPoolOptions): ThreadSettings {
  const settings = parseOptions(schema, options, 'thread pool');
  mustExist(settings.module, 'thread pool.module');
  mustExist(
    settings.workerFile,
    'thread pool.workerFile',
    'When this package is bundled, mark @homeostat/core as external, or emit its dist/src/serving/pools/thread.js beside the bundle, as thread.js.',
  );
  return settings;
}

function mustExist(url: string, option: string, hint = "Give it as new URL('./x.actor.js', import.meta.url)."): void {
  let file: string;
  try {
    file = fileURLToPath(url);
  } catch (cause) {
    throw new ConfigError(`${option}: ${url} must be a file: URL`, cause);
  }
  if (!existsSync(file)) throw new ConfigError(`${option}: there is no file ${file}. ${hint}`);
}
