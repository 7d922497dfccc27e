import type { Delivery } from '../delivery.ts';
import type { Log } from '../log.ts';
import type { Ended, Job, JobOutcome, Pool } from '../pool.ts';
import type { Serving } from '../serve.ts';
import { threadPool, type RunningJob, type ThreadPool } from './threads.ts';

/** Runs handlers in worker threads; bodies go there and come back encoded, so that this thread neither packs nor unpacks. */
export class ThreadsPool implements Pool {
  readonly kind = 'threads';
  readonly #threads: ThreadPool;
  readonly #jobs = new Map<Delivery, RunningJob>();

  /** @throws ConfigError when the module does not load in a thread. */
  static async create(serving: Serving, maxBodyBytes: number, log: Log): Promise<ThreadsPool> {
    const { module, threads, maxHeapMb, recycleAfter } = serving;
    return new ThreadsPool(
      await threadPool({
        module: module!,
        threads,
        maxBodyBytes,
        log,
        ...(maxHeapMb === undefined ? undefined : { maxHeapMb }),
        ...(recycleAfter === undefined ? undefined : { recycleAfter }),
      }),
    );
  }

  private constructor(threads: ThreadPool) {
    this.#threads = threads;
  }

  get capacity(): number {
    return this.#threads.capacity;
  }

  run(delivery: Delivery, limitMs: number, ended: Ended): boolean {
    const job = this.#threads.start(jobOf(delivery, limitMs), limitMs, (outcome) => {
      this.#jobs.delete(delivery);
      tell(delivery, outcome, ended);
    });
    this.#jobs.set(delivery, job);
    return true;
  }

  /** The thread is given a moment to stop by itself, then it is ended. */
  abandon(delivery: Delivery): void {
    this.#jobs.get(delivery)?.abort();
  }

  close(graceMs: number): Promise<void> {
    return this.#threads.close(graceMs);
  }
}

function tell(delivery: Delivery, outcome: JobOutcome, ended: Ended): void {
  if (outcome.ok) ended.bytes(delivery, outcome.body);
  else ended.failed(delivery, outcome.error);
}

function jobOf(delivery: Delivery, limitMs: number): Job {
  const { envelope, batch, key } = delivery;
  return {
    method: envelope.method,
    body: envelope.bodyEnd === 0 ? undefined : batch.frame.bytes.subarray(envelope.bodyStart, envelope.bodyEnd),
    context: {
      messageId: delivery.messageId,
      attempt: delivery.attempt,
      deadline: delivery.deadline,
      remainingMs: limitMs,
      caller: delivery.caller,
      headers: delivery.headers,
      ...(key === undefined ? undefined : { key }),
    },
  };
}
