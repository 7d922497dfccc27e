/**
 * Runs an actor's handlers in worker threads: for work that computes, and for work that may break its thread. What a
 * handler does to its thread costs that one job: the thread is replaced, the other jobs are untouched.
 *
 * It contains throws, unhandled rejections, `process.exit`, a full heap or stack and endless loops. It does not contain
 * `process.kill`, native crashes, memory outside the heap (Buffers), files and network: it is a bulkhead, no sandbox.
 * And Node ends the whole process when a single allocation of more than 16 MiB meets a full heap. What a handler leaves
 * running when it has answered (a timer, a promise nobody waits for) is charged to the job that it hits.
 *
 * Bundlers: the worker's file is found beside this one. Mark @homeostat/core as external, or emit its
 * `dist/src/serving/pools/thread.js` too, beside the bundle. Where it is missing, `threadPool` says so.
 *
 * piscina makes the threads, one instance each; which of them gets what, for how long a job may run, and when a
 * thread is replaced is decided in `thread-jobs.ts` and `seats.ts`.
 */
import { toWireError } from '../../wire/envelope.ts';
import { ConfigError } from '../../ground/errors.ts';
import type { Job, JobOutcome } from '../pool.ts';
import { ThreadJobs } from './thread-jobs.ts';
import type { Served } from './thread-link.ts';
import { parseThreadPoolOptions, type ThreadPoolOptions } from './thread-options.ts';

export type { Served } from './thread-link.ts';
export type { ThreadPoolOptions } from './thread-options.ts';

/** A job in the pool. */
export interface RunningJob {
  /**
   * The job is not wanted any more. If it has not begun it ends at once, `not-executed`; else its `ctx.signal` aborts,
   * and its thread is ended when it is still running `killGraceMs` later.
   */
  abort(): void;
}

export interface ThreadPool extends AsyncDisposable {
  /** What the module serves; it need not be loaded here. */
  readonly served: Served;
  readonly threads: number;
  /** Jobs worth giving to it at once: what may run, and a few more for each thread whose jobs take less than 1 ms. */
  readonly capacity: number;
  /** Jobs whose handler has begun. */
  readonly running: number;
  /** Jobs that no thread has taken yet. */
  readonly queued: number;
  /** Threads that are loaded and alive. */
  readonly ready: number;
  /**
   * Runs a job for at most `limitMs`, and never beyond its deadline; it waits as long for a thread at most. `done` is
   * told the outcome exactly once, never before this returns. Never throws.
   */
  start(job: Job, limitMs: number, done: (outcome: JobOutcome) => void): RunningJob;
  /** The same as a promise, which never rejects. */
  run(job: Job, options: { readonly limitMs: number; readonly signal?: AbortSignal }): Promise<JobOutcome>;
  /** Adds threads, or retires some when they have ended what they run. */
  resize(threads: number): void;
  /** Ends what waits (`not-executed`), gives what runs `graceMs` (default 10,000), then ends the threads. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Starts a pool and loads the module in its first thread.
 * @throws ConfigError when an option is wrong, a file is missing, the module cannot be loaded or exports no actor.
 */
export async function threadPool(options: ThreadPoolOptions): Promise<ThreadPool> {
  const settings = parseThreadPoolOptions(options);
  const pool = new ThreadJobs(settings);
  try {
    await pool.open();
  } catch (cause) {
    await pool.close(0);
    throw new ConfigError(`thread pool: ${settings.module} cannot be loaded: ${toWireError(cause).message}`, cause);
  }
  return pool;
}
