/** The jobs of a thread pool: which thread gets which, for how long each may run, and how each ends. */
import { toWireError } from '../../wire/envelope.ts';
import { Aborted, ConfigError, NodeClosed, type HomeostatError } from '../../ground/errors.ts';
import { sleep } from '../../ground/loop.ts';
import { whenAborted } from '../../ground/when-aborted.ts';
import type { Job, JobOutcome } from '../pool.ts';
import { RETIRED, Seats } from './seats.ts';
import { describeDeath } from './thread-death.ts';
import type { Thread, ThreadOwner } from './thread-host.ts';
import { Cell, type Served, type StopReason } from './thread-link.ts';
import type { ThreadSettings } from './thread-options.ts';
import type { RunningJob, ThreadPool } from './threads.ts';
import { abortedError, diedError, lostError, muteError, stoppedError, unstartedError } from './ticket-errors.ts';
import { TicketQueue } from './ticket-queue.ts';
import { Ticket } from './ticket.ts';

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

export class ThreadJobs implements ThreadPool, ThreadOwner {
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
    return this.#seats.threads.filter((thread) => thread.ready && !thread.retiring).length;
  }

  async open(): Promise<void> {
    this.#served = await this.#seats.open();
  }

  start(job: Job, limitMs: number, done: (outcome: JobOutcome) => void): RunningJob {
    const { deadline, remainingMs } = job.context;
    const arrivedAt = performance.now();
    const due = deadline === 0 ? Infinity : arrivedAt + remainingMs;
    const ticket = new Ticket((this.#numbers += 1), this.served.name, job, limitMs, arrivedAt, due, done);
    this.#open += 1;
    if (this.#closed === undefined) {
      this.#queue.push(ticket);
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
      this.#pump();
    } else {
      queueMicrotask(() => this.#fail(ticket, new NodeClosed(ticket.subject)));
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
        unfollow();
        resolve(outcome);
      });
      const unfollow = whenAborted(signal, running.abort);
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
    else this.#fail(ticket, stoppedError(ticket));
  }

  free(thread: Thread): void {
    this.#seats.recycle(thread);
    this.#pump();
  }

  died(thread: Thread, cause: unknown, begun: readonly Ticket[], waiting: readonly Ticket[]): void {
    const words = describeDeath(cause, this.#settings.maxHeapMb);
    if (cause !== RETIRED && this.#served !== undefined && this.#closed === undefined) {
      const running = begun.map(({ job }) => job.context.messageId);
      this.#settings.log.warn({ module: this.#settings.module, running }, `a worker thread is gone: ${words}`);
      this.#settings.onDeath?.(words);
    }
    this.#seats.died(thread, cause !== RETIRED && thread.jobs === 0 && begun.length === 0);
    for (const ticket of begun) {
      this.#fail(ticket, ticket.stopping === undefined ? diedError(ticket, words) : stoppedError(ticket));
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
    this.#fail(ticket, lostError(ticket, words));
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
    if (thread.muteMs(now) > MUTE_MS) thread.kill(muteError(MUTE_MS));
  }

  #limit(thread: Thread, ticket: Ticket, now: number): void {
    ticket.startedAt ||= now;
    thread.slow(now - ticket.startedAt);
    if (now >= ticket.killAt) thread.kill(stoppedError(ticket));
    else if (ticket.stopping === undefined && now >= ticket.endsAt) this.#stop(ticket, Cell.overdue, now);
  }

  #abort(ticket: Ticket): void {
    if (ticket.ended || ticket.stopping !== undefined) return;
    // Whoever watches the same limit, counted from the arrival, may come a moment before `#tick`.
    const now = performance.now() + TICK_MS;
    if (this.#takeBack(ticket)) {
      this.#fail(ticket, now >= ticket.waitsUntil ? unstartedError(ticket, now) : abortedError(ticket, 'not-executed'));
      return;
    }
    ticket.startedAt ||= ticket.postedAt;
    this.#stop(ticket, now >= ticket.waitsUntil ? Cell.overdue : Cell.aborted, now);
  }

  #stop(ticket: Ticket, reason: StopReason, now: number): void {
    ticket.stopping = reason;
    ticket.killAt = now + this.#settings.killGraceMs;
    ticket.thread?.stop(ticket, reason);
  }

  #giveUp(ticket: Ticket, now: number): void {
    if (this.#takeBack(ticket)) this.#fail(ticket, unstartedError(ticket, now));
  }

  /** Whether the job had not begun, and now will not. */
  #takeBack(ticket: Ticket): boolean {
    if (ticket.queued) {
      this.#queue.remove(ticket);
      return true;
    }
    return ticket.thread?.revoke(ticket) ?? false;
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
      if (this.#takeBack(ticket)) this.#fail(ticket, new NodeClosed(ticket.subject));
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
