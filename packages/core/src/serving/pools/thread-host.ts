/** The parent's side of one worker thread, from its birth to its death. A replacement is a new object. */
import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { WorkerError } from '../../ground/errors.ts';
import type { JobOutcome } from '../pool.ts';
import {
  Cell,
  type Answer,
  type JobTask,
  type LoadResult,
  type LogLine,
  type Served,
  type StopReason,
} from './thread-link.ts';
import { piscinaOptions } from './thread-birth.ts';
import { Exit, LoadError, readError } from './thread-death.ts';
import { writeLine } from './thread-log.ts';
import type { ThreadSettings } from './thread-options.ts';
import type { Ticket } from './ticket.ts';

/** Jobs handed to a brisk thread ahead of time: else it idles a whole round trip (about 70 µs) after each. */
const AHEAD = 7;
/** A thread whose jobs take less than this, ms, is brisk. */
const BRISK_MS = 1;
/** Weight of the newest job in the running mean. */
const NEWEST = 0.25;

/** Who owns threads. */
export interface ThreadOwner {
  /** A job has ended. */
  settled(ticket: Ticket, outcome: JobOutcome): void;
  /** The thread has room again. */
  free(thread: Thread): void;
  /** The thread is dead. `begun` died with it, `waiting` had not begun. Called once. */
  died(thread: Thread, cause: unknown, begun: readonly Ticket[], waiting: readonly Ticket[]): void;
}

export class Thread {
  /** Jobs it has ended. */
  jobs = 0;
  /** Jobs in its hands. */
  held = 0;
  /** It gets no more jobs. */
  retiring = false;
  dead = false;
  readonly #owner: ThreadOwner;
  readonly #settings: ThreadSettings;
  readonly #piscina: Piscina;
  readonly #cells: Int32Array;
  readonly #tickets: (Ticket | undefined)[];
  readonly #free: number[];
  readonly #port: MessagePort;
  readonly #far: MessagePort;
  #born = false;
  #loaded = false;
  #cause: unknown;
  #destroyed: Promise<void> = Promise.resolve();
  #meanMs = Infinity;
  #lastEndAt = 0;
  /** Since when it owes the answer to a job taken back; 0: it does not. */
  #askedAt = 0;

  constructor(owner: ThreadOwner, settings: ThreadSettings) {
    const slots = settings.perThread + AHEAD;
    this.#owner = owner;
    this.#settings = settings;
    this.#cells = new Int32Array(new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT));
    this.#tickets = new Array<Ticket | undefined>(slots).fill(undefined);
    this.#free = Array.from({ length: slots }, (_, slot) => slot);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#far = port2;
    port1.on('message', (message: Answer | LogLine) => this.#hear(message));
    port1.unref();
    this.#piscina = new Piscina(piscinaOptions(settings, this.#cells));
    // It tells of deaths that cost no task of its own; `#watch` hears of all of them.
    this.#piscina.on('error', () => undefined);
  }

  /** Starts the thread and loads the module. Rejects with what that threw or how the thread died. */
  async load(): Promise<Served> {
    const { loadMs } = this.#settings;
    const tardy = setTimeout(() => this.#die(new WorkerError(`the module did not load within ${loadMs} ms`)), loadMs);
    try {
      const loading = this.#piscina.run(
        { load: true, port: this.#far },
        { transferList: [this.#far] },
      ) as Promise<LoadResult | null>;
      this.#born = true;
      this.#watch();
      const result = await loading;
      if (result === null) throw new Error('the thread threw null');
      if ('error' in result) throw new LoadError(readError(result.error));
      this.#loaded = !this.dead;
      return result.served;
    } catch (thrown) {
      this.#die(thrown);
      throw this.#cause;
    } finally {
      clearTimeout(tardy);
    }
  }

  #watch(): void {
    for (const worker of this.#piscina.threads) {
      worker.on('error', (cause: unknown) => this.#die(cause));
      worker.on('exit', (code) => this.#die(new Exit(code)));
    }
  }

  /** Its module is loaded and it lives. */
  get ready(): boolean {
    return this.#loaded && !this.dead;
  }

  /** Whether one more job would begin at once. */
  get idle(): boolean {
    return this.ready && !this.retiring && this.held < this.#settings.perThread;
  }

  /** Whether one more job may be handed over to wait its turn there. */
  get eager(): boolean {
    return this.ready && !this.retiring && this.#meanMs < BRISK_MS && this.#free.length > 0;
  }

  /** Jobs that it may hold now. */
  get room(): number {
    return !this.ready || this.retiring ? 0 : this.#settings.perThread + (this.#meanMs < BRISK_MS ? AHEAD : 0);
  }

  post(ticket: Ticket, now: number): void {
    const slot = this.#free.pop()!;
    const { method, body, context } = ticket.job;
    ticket.thread = this;
    ticket.slot = slot;
    ticket.postedAt = now;
    ticket.startedAt = this.held < this.#settings.perThread ? now : 0;
    this.#tickets[slot] = ticket;
    this.held += 1;
    if (this.held === 1) this.#port.ref();
    Atomics.store(this.#cells, slot, Cell.posted);
    // The frame is shared with its other envelopes: only a copy may be given away.
    const own = body && new Uint8Array(body);
    const task: JobTask = [
      slot,
      method,
      own,
      context.messageId,
      context.attempt,
      context.deadline,
      context.caller,
      context.key,
      context.headers,
      context.id,
    ];
    if (own === undefined) this.#port.postMessage(task);
    else this.#port.postMessage(task, [own.buffer]);
  }

  /** Takes a job back. False: its handler has begun. */
  revoke(ticket: Ticket): boolean {
    if (Atomics.compareExchange(this.#cells, ticket.slot, Cell.posted, Cell.revoked) !== Cell.posted) return false;
    this.#tickets[ticket.slot] = undefined;
    ticket.thread = undefined;
    this.#askedAt ||= performance.now();
    return true;
  }

  begun(ticket: Ticket): boolean {
    return Atomics.load(this.#cells, ticket.slot) !== Cell.posted;
  }

  /** Asks a begun job to stop. */
  stop(ticket: Ticket, reason: StopReason): void {
    Atomics.compareExchange(this.#cells, ticket.slot, Cell.started, reason);
    this.#port.postMessage(null);
  }

  /**
   * For how long, in ms, it has not answered although no job runs in it: something that an earlier job left behind keeps
   * its event loop busy.
   */
  muteMs(now: number): number {
    return this.#askedAt === 0 || this.#tickets.some((ticket) => ticket !== undefined) ? 0 : now - this.#askedAt;
  }

  /** What it holds, jobs taken back excepted. */
  tickets(): Ticket[] {
    return this.#tickets.filter((ticket) => ticket !== undefined);
  }

  /** A job of it has been running for this long: it is not brisk. */
  slow(ms: number): void {
    if (ms > this.#meanMs) this.#meanMs = ms;
  }

  kill(cause: unknown): void {
    this.#die(cause);
  }

  /** Resolves when the thread has ended; one inside a synchronous system call ends only after it. */
  async gone(): Promise<void> {
    await this.#destroyed;
  }

  #hear(message: Answer | LogLine): void {
    if (!Array.isArray(message)) {
      writeLine(this.#settings.log, message as LogLine);
      return;
    }
    const [slot, ok, bytes] = message as unknown as Answer;
    const ticket = this.#tickets[slot];
    this.#tickets[slot] = undefined;
    this.#free.push(slot);
    this.held -= 1;
    this.#askedAt = 0;
    if (this.held === 0) this.#port.unref();
    if (ticket !== undefined) {
      this.#measure(ticket);
      this.#owner.settled(ticket, ok ? { ok, body: bytes } : { ok, error: readError(bytes!) });
    }
    if (!this.dead) this.#owner.free(this);
  }

  #measure(ticket: Ticket): void {
    const now = performance.now();
    const tookMs = now - Math.max(ticket.postedAt, this.#lastEndAt);
    this.jobs += 1;
    this.#lastEndAt = now;
    this.#meanMs = this.#meanMs === Infinity ? tookMs : this.#meanMs + NEWEST * (tookMs - this.#meanMs);
  }

  #die(cause: unknown): void {
    if (this.dead) return;
    this.dead = true;
    this.#cause = cause;
    // What it answered before it died counts.
    for (let last = receiveMessageOnPort(this.#port); last !== undefined; last = receiveMessageOnPort(this.#port)) {
      this.#hear(last.message as Answer | LogLine);
    }
    const begun: Ticket[] = [];
    const waiting: Ticket[] = [];
    // Taken back, because a thread that is being ended must not begin them now.
    for (const ticket of this.tickets()) (this.revoke(ticket) ? waiting : begun).push(ticket);
    // Where Node refused to make the thread, piscina would reject a promise that it never gave out.
    if (this.#born) this.#destroyed = this.#piscina.destroy();
    this.#port.close();
    this.#owner.died(this, cause, begun, waiting);
  }
}
