/**
 * Runs an actor's handlers in worker threads: for work that computes, and for work that may break its thread. What a
 * handler does to its thread costs that one job: the thread is replaced, the other jobs are untouched.
 *
 * It contains throws, unhandled rejections, `process.exit`, a full heap or stack and endless loops. It does not contain
 * `process.kill`, native crashes, memory outside the heap (Buffers), or files and network: it is a bulkhead, no sandbox.
 *
 * piscina carries the tasks, one instance per thread; which thread gets what, for how long a job may run, and when a
 * thread is replaced is decided here.
 */
import { exponential } from '../backoff.ts';
import { toWireError } from '../envelope.ts';
import { Aborted, CallTimeout, ConfigError, HandlerTimeout, messageOf, NodeClosed, WorkerError, type HomeostatError } from '../errors.ts';
import { sleep } from '../loop.ts';
import type { Job, JobOutcome } from '../pool.ts';
import { describeDeath, Thread, type ThreadOwner } from './thread-host.ts';
import { Cell, type Served, type StopReason } from './thread-link.ts';
import { parseThreadPoolOptions, type ThreadPoolOptions, type ThreadSettings } from './thread-options.ts';
import { TicketQueue } from './ticket-queue.ts';
import type { Ticket } from './ticket.ts';

export type { Served, ServedMethod } from './thread-link.ts';
export type { ThreadPoolOptions } from './thread-options.ts';

/** How often limits are looked at while there is work, ms: they are kept this exactly. */
const TICK_MS = 5;
/** A job handed to a thread ahead of time is taken back when it has not begun after this, ms. */
const STALL_MS = 5;
/** A thread that runs nothing and does not answer is ended after this, ms. */
const MUTE_MS = 2_000;
/** Before a thread that died without ending a job is replaced, ms; doubles each time. */
const RESPAWN_MS = 100;
const RESPAWN_MAX_MS = 10_000;
/** How long a replacement waits for its predecessor to end: one inside a synchronous system call does not, ms. */
const REPLACE_WAIT_MS = 1_000;
/** Threads that may die under a job before it began; then the job is to blame after all. */
const MAX_LOST = 3;
/** Time that `close` gives to running jobs, ms. */
const DEFAULT_CLOSE_MS = 10_000;

/** Why a thread ended that nobody is to blame for. */
const RETIRED = new Error('retired');

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
  /** Jobs that may run at once. */
  readonly capacity: number;
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
  const pool = new Threads(settings);
  try {
    await pool.open();
  } catch (cause) {
    await pool.close(0);
    throw new ConfigError(`thread pool: ${settings.module} cannot be loaded: ${toWireError(cause).message}`, cause);
  }
  return pool;
}

/** The place of one thread. */
interface Seat {
  thread: Thread | undefined;
  /** Threads in a row that died here without ending a job. */
  failures: number;
}

class Threads implements ThreadPool, ThreadOwner {
  readonly #settings: ThreadSettings;
  readonly #queue = new TicketQueue();
  readonly #closing = new AbortController();
  #seats: Seat[] = [];
  #served: Served | undefined;
  #numbers = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;
  #quiet: (() => void) | undefined;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
  }

  get served(): Served {
    return this.#served!;
  }

  get threads(): number {
    return this.#seats.length;
  }

  get capacity(): number {
    return this.#seats.length * this.#settings.perThread;
  }

  get queued(): number {
    return this.#queue.size;
  }

  get ready(): number {
    return this.#seats.filter(({ thread }) => thread?.ready).length;
  }

  /** The first thread tells whether the module is good; the others start behind its back. */
  async open(): Promise<void> {
    const seat: Seat = { thread: new Thread(this, this.#settings), failures: 0 };
    this.#seats = [seat];
    this.#served = await seat.thread!.load();
    this.resize(this.#settings.threads);
  }

  start(job: Job, limitMs: number, done: (outcome: JobOutcome) => void): RunningJob {
    const arrivedAt = performance.now();
    const { deadline, remainingMs } = job.context;
    const ticket: Ticket = {
      number: (this.#numbers += 1),
      job,
      limitMs,
      arrivedAt,
      due: deadline === 0 ? Infinity : arrivedAt + remainingMs,
      done,
      queued: false,
      thread: undefined,
      slot: -1,
      postedAt: 0,
      startedAt: 0,
      stopping: undefined,
      killAt: Infinity,
      lost: 0,
    };
    if (this.#closed !== undefined) {
      queueMicrotask(() => this.#fail(ticket, new NodeClosed(this.#subject(ticket))));
      return { abort: () => undefined };
    }
    this.#queue.push(ticket);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    this.#pump();
    return { abort: () => this.#abort(ticket) };
  }

  run(job: Job, { limitMs, signal }: { readonly limitMs: number; readonly signal?: AbortSignal }): Promise<JobOutcome> {
    return new Promise((resolve) => {
      if (signal === undefined) {
        this.start(job, limitMs, resolve);
        return;
      }
      const running = this.start(job, limitMs, (outcome) => {
        signal.removeEventListener('abort', abort);
        resolve(outcome);
      });
      const abort = (): void => running.abort();
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }

  resize(threads: number): void {
    for (const seat of this.#seats.splice(threads)) this.#retire(seat.thread);
    while (this.#seats.length < threads) {
      const seat: Seat = { thread: undefined, failures: 0 };
      this.#seats.push(seat);
      this.#fill(seat);
    }
  }

  close(graceMs: number = DEFAULT_CLOSE_MS): Promise<void> {
    return (this.#closed ??= this.#close(graceMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // What threads tell

  settled(ticket: Ticket, outcome: JobOutcome): void {
    ticket.thread = undefined;
    if (ticket.stopping === undefined || outcome.ok) ticket.done(outcome);
    else this.#fail(ticket, this.#stopped(ticket));
  }

  free(thread: Thread): void {
    const others = this.#seats.every((seat) => seat.thread === thread || seat.thread?.ready);
    if (thread.jobs >= this.#settings.recycleAfter && others) thread.retiring = true;
    if (thread.retiring && thread.held === 0) thread.kill(RETIRED);
    this.#pump();
    if (this.#quiet !== undefined && this.#busy().length === 0) this.#quiet();
  }

  died(thread: Thread, cause: unknown, begun: readonly Ticket[], waiting: readonly Ticket[]): void {
    const death = cause === RETIRED ? '' : describeDeath(cause, this.#settings.maxHeapMb);
    if (cause !== RETIRED && this.#closed === undefined && this.#served !== undefined) {
      this.#settings.log.warn({ module: this.#settings.module, running: begun.map((ticket) => ticket.job.context.messageId) }, `a worker thread died: ${death}`);
    }
    for (const ticket of begun) {
      ticket.thread = undefined;
      this.#fail(ticket, ticket.stopping === undefined ? new WorkerError(`${this.#subject(ticket)}: its thread died: ${death}`) : this.#stopped(ticket));
    }
    this.#putBack(waiting.filter((ticket) => this.#mayTryAgain(ticket, death)));
    const seat = this.#seats.find((candidate) => candidate.thread === thread);
    if (seat !== undefined && this.#served !== undefined) {
      seat.thread = undefined;
      seat.failures = cause === RETIRED || thread.jobs > 0 || begun.length > 0 ? 0 : seat.failures + 1;
      this.#fill(seat, thread);
    }
    if (this.#quiet !== undefined && this.#busy().length === 0) this.#quiet();
  }

  // Threads

  /** Starts a thread in a seat: after its predecessor, and after a while when those before it died in vain. */
  #fill(seat: Seat, predecessor?: Thread): void {
    void (async () => {
      const waitMs = seat.failures === 0 ? 0 : exponential(seat.failures, RESPAWN_MS, RESPAWN_MAX_MS);
      await Promise.all([
        sleep(waitMs, this.#closing.signal),
        predecessor && Promise.race([predecessor.gone(), sleep(REPLACE_WAIT_MS, this.#closing.signal)]),
      ]);
      if (this.#closed !== undefined || !this.#seats.includes(seat)) return;
      const thread = new Thread(this, this.#settings);
      seat.thread = thread;
      await thread.load();
      this.#pump();
    })().catch(() => undefined); // `died` has been told, and fills the seat again
  }

  #retire(thread: Thread | undefined): void {
    if (thread === undefined) return;
    thread.retiring = true;
    if (thread.held === 0) thread.kill(RETIRED);
  }
}
