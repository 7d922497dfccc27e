import type { Delivery } from '../delivery.ts';
import { fromWireError } from '../../wire/envelope.ts';
import { encodeBody, readBody } from '../../wire/frame.ts';
import { failureOf } from '../handle.ts';
import type { Log } from '../../ground/log.ts';
import type { ServerMiddleware } from '../../calling/middleware.ts';
import { PING } from '../../calling/ping.ts';
import type { Ended, Job, JobOutcome, Pool } from '../pool.ts';
import type { Serving } from '../serve.ts';
import { handleThrough } from '../server-middleware.ts';
import { threadPool, type RunningJob, type ThreadPool } from './threads.ts';

/** Runs handlers in worker threads; bodies go there and come back encoded, so that this thread neither packs nor unpacks. */
export class ThreadsPool implements Pool {
  readonly kind = 'threads';
  readonly #threads: ThreadPool;
  readonly #maxBodyBytes: number;
  readonly #middleware: readonly ServerMiddleware[];
  readonly #jobs = new Map<Delivery, RunningJob>();

  /** @throws ConfigError when the module does not load in a thread. */
  static async create(
    serving: Serving,
    maxBodyBytes: number,
    log: Log,
    middleware: readonly ServerMiddleware[],
    threadDied?: (reason: string) => void,
  ): Promise<ThreadsPool> {
    const { module, threads, maxHeapMb, recycleAfter } = serving;
    const pool = await threadPool({
      module: module!,
      threads,
      maxBodyBytes,
      log,
      ...(maxHeapMb === undefined ? undefined : { maxHeapMb }),
      ...(recycleAfter === undefined ? undefined : { recycleAfter }),
      ...(threadDied === undefined ? undefined : { onDeath: threadDied }),
    });
    return new ThreadsPool(pool, maxBodyBytes, middleware);
  }

  private constructor(threads: ThreadPool, maxBodyBytes: number, middleware: readonly ServerMiddleware[]) {
    this.#threads = threads;
    this.#maxBodyBytes = maxBodyBytes;
    this.#middleware = middleware;
  }

  get size(): number {
    return this.#threads.threads;
  }

  get capacity(): number {
    return this.#threads.capacity;
  }

  run(delivery: Delivery, limitMs: number, ended: Ended): boolean {
    if (this.#middleware.length > 0 && delivery.method !== PING) {
      void this.#runThrough(delivery, limitMs, ended);
      return true;
    }
    this.#start(delivery, jobOf(delivery, delivery.bodyBytes, limitMs), limitMs, (outcome) =>
      tell(delivery, outcome, ended),
    );
    return true;
  }

  /** The thread is given a moment to stop by itself, then it is ended. */
  abandon(delivery: Delivery): void {
    this.#jobs.get(delivery)?.abort();
  }

  resize(size: number): void {
    this.#threads.resize(size);
  }

  close(graceMs: number): Promise<void> {
    return this.#threads.close(graceMs);
  }

  #start(delivery: Delivery, job: Job, limitMs: number, done: (outcome: JobOutcome) => void): void {
    const running = this.#threads.start(job, limitMs, (outcome) => {
      this.#jobs.delete(delivery);
      done(outcome);
    });
    this.#jobs.set(delivery, running);
  }

  /** Middleware runs on this thread, so here bodies are unpacked and packed again. */
  async #runThrough(delivery: Delivery, limitMs: number, ended: Ended): Promise<void> {
    const startedAt = performance.now();
    let value: unknown;
    try {
      const input = delivery.readBody();
      value = await handleThrough(this.#middleware, this.#threads.served.name, delivery, input, (changed) =>
        this.#inThread(delivery, changed, Math.max(1, limitMs - (performance.now() - startedAt))),
      );
    } catch (thrown) {
      ended.failed(delivery, failureOf(thrown));
      return;
    }
    ended.value(delivery, value);
  }

  #inThread(delivery: Delivery, input: unknown, limitMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const job = jobOf(delivery, encodeBody(input, this.#maxBodyBytes), limitMs);
      this.#start(delivery, job, limitMs, (outcome) => {
        if (!outcome.ok) reject(fromWireError(outcome.error));
        else resolve(outcome.body && readBody(outcome.body, 0, outcome.body.byteLength));
      });
    });
  }
}

function tell(delivery: Delivery, outcome: JobOutcome, ended: Ended): void {
  if (outcome.ok) ended.bytes(delivery, outcome.body);
  else ended.failed(delivery, outcome.error);
}

function jobOf(delivery: Delivery, body: Uint8Array | undefined, limitMs: number): Job {
  const { key, id } = delivery;
  return {
    method: delivery.method,
    body,
    context: {
      messageId: delivery.messageId,
      attempt: delivery.attempt,
      deadline: delivery.deadline,
      remainingMs: limitMs,
      caller: delivery.caller,
      headers: delivery.headers,
      ...(key === undefined ? undefined : { key }),
      ...(id === undefined ? undefined : { id }),
    },
  };
}
