/** The places of a pool's threads: each is filled, and filled again when its thread dies or has served its time. */
import { exponential } from '../../ground/backoff.ts';
import { sleep } from '../../ground/loop.ts';
import { Thread, type ThreadOwner } from './thread-host.ts';
import type { Served } from './thread-link.ts';
import type { ThreadSettings } from './thread-options.ts';

/** Before a thread that died without ending a job is replaced, ms; doubles each time. */
const RESPAWN_MS = 100;
const RESPAWN_MAX_MS = 10_000;
/** How long a replacement waits for its predecessor to end: one inside a synchronous system call does not, ms. */
const REPLACE_WAIT_MS = 1_000;

/** Why a thread ended that nobody is to blame for. */
export const RETIRED: Error = new Error('retired');

interface Seat {
  thread: Thread | undefined;
  /** Threads in a row that died here without ending a job. */
  failures: number;
}

export class Seats {
  readonly #settings: ThreadSettings;
  readonly #owner: ThreadOwner;
  readonly #closing = new AbortController();
  /** Threads without a seat that still run a job. */
  readonly #parting = new Set<Thread>();
  /** Threads that are being ended. */
  readonly #leaving = new Set<Promise<void>>();
  #seats: Seat[] = [];

  constructor(settings: ThreadSettings, owner: ThreadOwner) {
    this.#settings = settings;
    this.#owner = owner;
  }

  get count(): number {
    return this.#seats.length;
  }

  /** All that live, those that are being loaded or retire included. */
  get threads(): Thread[] {
    return [...this.#seats.flatMap(({ thread }) => thread ?? []), ...this.#parting];
  }

  /** The first thread tells whether the module is good; the others start behind its back. Rejects when it is not. */
  async open(): Promise<Served> {
    const thread = new Thread(this.#owner, this.#settings);
    const seat: Seat = { thread, failures: 0 };
    const served = await thread.load();
    this.#seats.push(seat);
    this.resize(this.#settings.threads);
    return served;
  }

  /** The thread to give a job to: one that begins it at once, else one that will soon. */
  pick(): Thread | undefined {
    let best: Thread | undefined;
    for (const { thread } of this.#seats) {
      if (thread === undefined || !(thread.idle || thread.eager)) continue;
      if (best === undefined || thread.held < best.held) best = thread;
    }
    return best;
  }

  resize(count: number): void {
    for (const { thread } of this.#seats.splice(count))
      if (thread !== undefined) {
        this.#parting.add(thread);
        this.#retire(thread);
      }
    while (this.#seats.length < count) {
      const seat: Seat = { thread: undefined, failures: 0 };
      this.#seats.push(seat);
      this.#fill(seat, []);
    }
  }

  /** A thread has ended a job: replaces it when it has served its time, one thread of the pool after the other. */
  recycle(thread: Thread): void {
    if (thread.retiring ? thread.held === 0 : thread.jobs >= this.#settings.recycleAfter && this.#othersReady(thread))
      this.#retire(thread);
  }

  /** @param inVain it has not ended a job, and no job is to blame. */
  died(thread: Thread, inVain: boolean): void {
    this.#parting.delete(thread);
    const gone = thread.gone();
    this.#leaving.add(gone);
    void gone.then(() => this.#leaving.delete(gone));
    const seat = this.#seats.find((candidate) => candidate.thread === thread);
    if (seat === undefined) return;
    seat.thread = undefined;
    seat.failures = inVain ? seat.failures + 1 : 0;
    const waitMs = inVain ? exponential(seat.failures, RESPAWN_MS, RESPAWN_MAX_MS) : 0;
    const closing = this.#closing.signal;
    this.#fill(seat, [sleep(waitMs, closing), Promise.race([gone, sleep(REPLACE_WAIT_MS, closing)])]);
  }

  /** Ends all threads and fills no seat again. */
  async close(cause: unknown): Promise<void> {
    this.#closing.abort();
    for (const thread of this.threads) thread.kill(cause);
    this.#seats = [];
    await Promise.race([Promise.all(this.#leaving), sleep(REPLACE_WAIT_MS)]);
  }

  #fill(seat: Seat, after: readonly Promise<void>[]): void {
    void (async () => {
      if (after.length > 0) await Promise.all(after);
      if (!this.#seats.includes(seat)) return;
      seat.thread = new Thread(this.#owner, this.#settings);
      const { thread } = seat;
      await thread.load();
      this.#owner.free(thread);
    })().catch(() => undefined); // it has died: `died` fills the seat again
  }

  #retire(thread: Thread): void {
    thread.retiring = true;
    if (thread.held === 0) thread.kill(RETIRED);
  }

  #othersReady(thread: Thread): boolean {
    return this.#seats.every((seat) => seat.thread === thread || seat.thread?.ready);
  }
}
