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
import { setMaxListeners } from 'node:events';
import { toWireError } from '../envelope.ts';
import {
  Aborted,
  CallTimeout,
  ConfigError,
  HandlerTimeout,
  NodeClosed,
  WorkerError,
  type HomeostatError,
} from '../errors.ts';
import { sleep } from '../loop.ts';
import type { Job, JobOutcome } from '../pool.ts';
import { RETIRED, Seats } from './seats.ts';
import { describeDeath, type Thread, type ThreadOwner } from './thread-host.ts';
import { Cell, type Served, type StopReason } from './thread-link.ts';
import { parseThreadPoolOptions, type ThreadPoolOptions, type ThreadSettings } from './thread-options.ts';
import { TicketQueue } from './ticket-queue.ts';
import { Ticket } from './ticket.ts';

export type { Served, ServedMethod } from './thread-link.ts';
export type { ThreadPoolOptions } from './thread-options.ts';

/** How often limits are looked at while there is work, ms: they are kept this exactly. */
const TICK_MS = 5;
/** A job handed to a thread ahead of time is taken back when it has not begun after this, ms. */
const STALL_MS = 5;
/** A thread that runs nothing and does not answer is ended after this, ms. */
const MUTE_MS = 3_000;
/** Threads that may die under a job before it began; then the job is to blame after all. */
const MAX_LOST = 3;
/** Time that `close` gives to running jobs, ms. */
const DEFAULT_CLOSE_MS = 10_000;

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
  const pool = new Threads(settings);
  try {
    await pool.open();
  } catch (cause) {
    await pool.close(0);
    throw new ConfigError(`thread pool: ${settings.module} cannot be loaded: ${toWireError(cause).message}`, cause);
  }
  return pool;
}

class Threads implements ThreadPool, ThreadOwner {
  readonly #settings: ThreadSettings;
  readonly #seats: Seats;
  readonly #queue = new TicketQueue();
  #served: Served | undefined;
  #numbers = 0;
  /** Jobs that have not ended. */
  #open = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;
  #quiet: () => void = () => undefined;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
    this.#seats = new Seats(settings, this);
  }

  get served(): Served {
    return this.#served!;
  }

  get threads(): number {
    return this.#seats.count;
  }

  get capacity(): number {
    const room = this.#seats.threads.reduce((sum, thread) => sum + thread.room, 0);
    return Math.max(room, this.#seats.count * this.#settings.perThread);
  }

  get running(): number {
    return this.#inThreads().filter((ticket) => ticket.thread?.begun(ticket)).length;
  }

  get queued(): number {
    return this.#queue.size;
  }

  get ready(): number {
    return this.#seats.threads.filter((thread) => thread.ready).length;
  }

  async open(): Promise<void> {
    this.#served = await this.#seats.open();
  }

  start(job: Job, limitMs: number, done: (outcome: JobOutcome) => void): RunningJob {
    const { deadline, remainingMs } = job.context;
    const arrivedAt = performance.now();
    const due = deadline === 0 ? Infinity : arrivedAt + remainingMs;
    const ticket = new Ticket((this.#numbers += 1), job, limitMs, arrivedAt, due, done);
    this.#open += 1;
    if (this.#closed === undefined) {
      this.#queue.push(ticket);
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
      this.#pump();
    } else {
      queueMicrotask(() => this.#fail(ticket, new NodeClosed(this.#subject(ticket))));
    }
    return { abort: () => this.#abort(ticket) };
  }

  run(job: Job, { limitMs, signal }: { readonly limitMs: number; readonly signal?: AbortSignal }): Promise<JobOutcome> {
    return new Promise((resolve) => {
      if (signal === undefined) {
        this.start(job, limitMs, resolve);
        return;
      }
      if (signal.aborted) {
        resolve(failure(new Aborted(`${this.served.name}.${job.method}`, signal.reason, 'not-executed')));
        return;
      }
      const running = this.start(job, limitMs, (outcome) => {
        signal.removeEventListener('abort', running.abort);
        resolve(outcome);
      });
      // One signal may end any number of jobs: that is no leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', running.abort, { once: true });
    });
  }

  resize(threads: number): void {
    if (!(Number.isInteger(threads) && threads > 0))
      throw new ConfigError(`thread pool.threads: ${threads} must be a whole number of at least 1`);
    if (this.#closed === undefined) this.#seats.resize(threads);
  }

  close(graceMs: number = DEFAULT_CLOSE_MS): Promise<void> {
    return (this.#closed ??= this.#close(graceMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  settled(ticket: Ticket, outcome: JobOutcome): void {
    if (outcome.ok || ticket.stopping === undefined) this.#end(ticket, outcome);
    else this.#fail(ticket, this.#stopped(ticket));
  }

  free(thread: Thread): void {
    this.#seats.recycle(thread);
    this.#pump();
  }

  died(thread: Thread, cause: unknown, begun: readonly Ticket[], waiting: readonly Ticket[]): void {
    const words = describeDeath(cause, this.#settings.maxHeapMb);
    if (cause !== RETIRED && this.#closed === undefined) {
      const running = begun.map(({ job }) => job.context.messageId);
      this.#settings.log.warn({ module: this.#settings.module, running }, `a worker thread is gone: ${words}`);
    }
    this.#seats.died(thread, cause !== RETIRED && thread.jobs === 0 && begun.length === 0);
    for (const ticket of begun) {
      this.#fail(
        ticket,
        ticket.stopping === undefined
          ? new WorkerError(`${this.#subject(ticket)}: its thread is gone: ${words}`)
          : this.#stopped(ticket),
      );
    }
    this.#putBack(waiting.filter((ticket) => this.#mayWaitAgain(ticket, words)));
  }

  #pump(): void {
    while (this.#queue.size > 0) {
      const thread = this.#seats.pick();
      if (thread === undefined) return;
      thread.post(this.#queue.shift()!, performance.now());
    }
  }

  #putBack(tickets: readonly Ticket[]): void {
    this.#queue.putBack(tickets);
    this.#pump();
  }

  #mayWaitAgain(ticket: Ticket, words: string): boolean {
    ticket.lost += 1;
    if (ticket.lost < MAX_LOST && this.#closed === undefined) return true;
    this.#fail(
      ticket,
      new WorkerError(`${this.#subject(ticket)}: ${ticket.lost} threads died before it could begin: ${words}`, {
        outcome: 'not-executed',
      }),
    );
    return false;
  }

  #tick(): void {
    const now = performance.now();
    for (const ticket of this.#queue) if (now >= ticket.waitsUntil) this.#giveUp(ticket, now);
    for (const thread of this.#seats.threads) this.#watch(thread, now);
    if (this.#open === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #watch(thread: Thread, now: number): void {
    const stalled: Ticket[] = [];
    for (const ticket of thread.tickets()) {
      if (thread.begun(ticket)) this.#limit(thread, ticket, now);
      else if (now >= ticket.waitsUntil) this.#giveUp(ticket, now);
      else if (now - ticket.postedAt > STALL_MS && thread.revoke(ticket)) stalled.push(ticket);
      if (thread.dead) return;
    }
    if (stalled.length > 0) this.#putBack(stalled);
    if (thread.muteMs(now) > MUTE_MS)
      thread.kill(
        new WorkerError(`no answer for ${MUTE_MS} ms though no job ran in it; what does an earlier one leave running?`),
      );
  }

  #limit(thread: Thread, ticket: Ticket, now: number): void {
    ticket.startedAt ||= now;
    thread.slow(now - ticket.startedAt);
    if (now >= ticket.killAt) thread.kill(this.#stopped(ticket));
    else if (ticket.stopping === undefined && now >= ticket.endsAt) this.#stop(ticket, Cell.overdue, now);
  }

  #abort(ticket: Ticket): void {
    if (ticket.ended || ticket.stopping !== undefined) return;
    if (this.#takeBack(ticket)) this.#fail(ticket, new Aborted(this.#subject(ticket), undefined, 'not-executed'));
    else this.#stop(ticket, Cell.aborted, performance.now());
  }

  #stop(ticket: Ticket, reason: StopReason, now: number): void {
    ticket.stopping = reason;
    ticket.killAt = now + this.#settings.killGraceMs;
    ticket.thread?.stop(ticket, reason);
  }

  #giveUp(ticket: Ticket, now: number): void {
    if (!this.#takeBack(ticket)) return;
    const subject = this.#subject(ticket);
    const waitedMs = Math.round(now - ticket.arrivedAt);
    this.#fail(
      ticket,
      now >= ticket.due
        ? new CallTimeout(subject, waitedMs, 'not-executed')
        : new WorkerError(`${subject}: no thread became free within ${waitedMs} ms`, { outcome: 'not-executed' }),
    );
  }

  /** Whether the job had not begun, and now will not. */
  #takeBack(ticket: Ticket): boolean {
    if (ticket.queued) {
      this.#queue.remove(ticket);
      return true;
    }
    return ticket.thread?.revoke(ticket) ?? false;
  }

  #stopped(ticket: Ticket): HomeostatError {
    const subject = this.#subject(ticket);
    if (ticket.stopping === Cell.overdue)
      return new HandlerTimeout(subject, Math.round(ticket.endsAt - ticket.startedAt));
    if (ticket.stopping === Cell.closing) return new WorkerError(`${subject}: the pool was closed while it ran`);
    return new Aborted(subject, undefined, 'failed');
  }

  #subject(ticket: Ticket): string {
    return `${this.served.name}.${ticket.job.method}`;
  }

  #fail(ticket: Ticket, error: HomeostatError): void {
    this.#end(ticket, failure(error));
  }

  #end(ticket: Ticket, outcome: JobOutcome): void {
    if (ticket.ended) return;
    ticket.ended = true;
    ticket.thread = undefined;
    this.#open -= 1;
    ticket.done(outcome);
    if (this.#open === 0) this.#quiet();
  }

  async #close(graceMs: number): Promise<void> {
    await Promise.resolve(); // so that `#closed` is set before anything below looks at it
    for (const ticket of [...this.#queue, ...this.#inThreads()]) {
      if (this.#takeBack(ticket)) this.#fail(ticket, new NodeClosed(this.#subject(ticket)));
    }
    const quiet = new Promise<void>((resolve) => (this.#quiet = resolve));
    if (this.#open > 0) await withinMs(quiet, graceMs - this.#settings.killGraceMs);
    const now = performance.now();
    for (const ticket of this.#inThreads()) if (ticket.stopping === undefined) this.#stop(ticket, Cell.closing, now);
    if (this.#open > 0) await withinMs(quiet, Math.min(graceMs, this.#settings.killGraceMs));
    await this.#seats.close(RETIRED);
    clearInterval(this.#timer);
  }

  #inThreads(): Ticket[] {
    return this.#seats.threads.flatMap((thread) => thread.tickets());
  }
}

function failure(error: HomeostatError): JobOutcome {
  return { ok: false, error: toWireError(error) };
}

async function withinMs(done: Promise<void>, ms: number): Promise<void> {
  const late = new AbortController();
  await Promise.race([done, sleep(Math.max(0, ms), late.signal)]);
  late.abort();
}
