/** What all breakers of a node share: the backend, whether it is there, and the round in which successes are told. */
import type { Breakers } from '../ports/breakers.ts';
import type { Clock, Timers } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import { within } from '../ground/pause.ts';
import { ANSWER_MS } from '../resilience/answer-ms.ts';

/** Between two rounds, ms: successes are told at most this often, and a backend that is away is tried again. */
const ROUND_MS = 1_000;
/** After a silence of the backend, timeouts are its fault for this long still: they began while it was away, ms. */
const DOUBT_MS = 5_000;

export interface RoundsNeeds {
  readonly breakers: Breakers;
  readonly timers: Timers;
  readonly log: Log;
  readonly nodeId: () => string;
  /** One round trip to the backend, ms. */
  readonly ping: () => Promise<number>;
}

/** Somebody who has something to tell. */
export interface Teller {
  tell(): Promise<void>;
  /** Tells in spite of the backend having been away. Never rejects. */
  reach(): Promise<void>;
}

export class TellingRounds {
  readonly breakers: Breakers;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly nodeId: () => string;
  /** The backend did not answer; every breaker decides by itself. */
  away = false;
  /** Calls that an open breaker refused. */
  refusals = 0;
  readonly #ping: () => Promise<number>;
  readonly #noted = new Set<Teller>();
  #cancelRound: (() => void) | undefined;
  #pinging: Promise<boolean> | undefined;
  /** On the clock's `elapsed()`, ms. */
  #doubtUntil = -Infinity;
  #closed = false;

  constructor({ breakers, timers, log, nodeId, ping }: RoundsNeeds) {
    this.breakers = breakers;
    this.clock = timers.clock;
    this.timers = timers;
    this.log = log;
    this.nodeId = nodeId;
    this.#ping = ping;
  }

  /** Has it tell with the next round. */
  note(teller: Teller): void {
    this.#noted.add(teller);
    if (!this.#closed) this.#cancelRound ??= this.timers.setTimer(ROUND_MS, () => this.#round());
  }

  lost(): void {
    this.#doubtUntil = this.clock.elapsed() + DOUBT_MS;
    if (this.away) return;
    this.away = true;
    this.log.warn({ evt: 'breakers_local' }, 'the backend does not answer: this node decides by itself what is open');
  }

  found(): void {
    if (!this.away) return;
    this.away = false;
    this.#doubtUntil = this.clock.elapsed() + DOUBT_MS;
    this.log.info({ evt: 'breakers_shared' }, 'the backend answers again: breakers are shared');
    for (const teller of this.#takeNoted()) void teller.reach();
  }

  /** Whether the backend is, and was lately, so quick to answer that a timeout is not its fault. */
  async alive(): Promise<boolean> {
    if (this.away || this.clock.elapsed() < this.#doubtUntil) return false;
    this.#pinging ??= within(this.timers, ANSWER_MS, Promise.resolve(this.#ping()))
      .then((answer) => answer !== undefined)
      .finally(() => (this.#pinging = undefined));
    const answered = await this.#pinging;
    if (!answered) this.#doubtUntil = this.clock.elapsed() + DOUBT_MS;
    return answered;
  }

  /** Tells everything now. */
  async flush(): Promise<void> {
    await Promise.all(this.#takeNoted().map((teller) => teller.tell()));
  }

  close(): void {
    this.#closed = true;
    this.#cancelRound?.();
    this.#cancelRound = undefined;
  }

  #round(): void {
    this.#cancelRound = undefined;
    const [first, ...others] = this.#takeNoted();
    // One tries whether the backend is back; the others follow it.
    void (this.away ? first?.reach() : first?.tell());
    for (const teller of others) void teller.tell();
  }

  #takeNoted(): Teller[] {
    const noted = [...this.#noted];
    this.#noted.clear();
    return noted;
  }
}
