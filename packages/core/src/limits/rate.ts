/** One token bucket as this node uses it: who waits for a token, and who for the moment at which its token is earned. */
import type { Timers } from '../ground/clock.ts';
import { drawn, type Bucket, type RateAnswer, type RateRequest, type RateTerms } from './bucket.ts';
import { GO, takeFirst, takeOf, WITHDRAWN, type Holding, type Waiter } from './turn.ts';

/** Tokens are drawn so far ahead at most, ms. */
const MOST_AHEAD_MS = 3_600_000;
/** A timer may be early by this, ms. */
const EARLY_MS = 0.5;

export interface RateNeeds {
  readonly timers: Timers;
  readonly holding: Holding;
  /** Wants to draw. */
  draw(rate: Rate): void;
  /** Nobody waits for it any more. */
  forget(rate: Rate): void;
}

export class Rate {
  readonly name: string;
  readonly #needs: RateNeeds;
  #terms: RateTerms;
  /** They have no token yet. */
  #waiting: Waiter[] = [];
  /** They have, and wait in hand for its moment; as many as there are `#slots`. */
  #holders: Waiter[] = [];
  /** Moments of tokens, on the clock's `elapsed()`, ms, in order. */
  #slots: number[] = [];
  #returned = 0;
  /** Who came before must not be held. */
  #releasedAt = -Infinity;
  #cancel: (() => void) | undefined;
  /** What this node keeps to while there is nobody to ask. */
  #own: Bucket | undefined;

  constructor(name: string, terms: RateTerms, needs: RateNeeds) {
    this.name = name;
    this.#terms = terms;
    this.#needs = needs;
  }

  get idle(): boolean {
    if (this.#waiting.length > 0 || this.#holders.length > 0 || this.#returned > 0) return false;
    return this.#own === undefined || this.#own.spentUntil <= this.#now();
  }

  enter(waiter: Waiter): void {
    this.#waiting.push(waiter);
    this.#needs.draw(this);
  }

  /** The next draw. */
  request(): RateRequest {
    const returned = this.#returned;
    this.#returned = 0;
    return { ...this.#terms, wanted: this.#waiting.length, returned, withinMs: MOST_AHEAD_MS };
  }

  answered(request: RateRequest, answer: RateAnswer): void {
    this.#own = undefined;
    this.#give(request, answer);
  }

  /** Nobody could be asked: one of `nodes` keeps to its part. */
  alone(request: RateRequest, nodes: number): void {
    const { perSecond, burst } = request;
    const part = { perSecond: perSecond / nodes, burst: Math.max(1, Math.floor(burst / nodes)) };
    const own = { ...request, ...part };
    const { bucket, answer } = drawn(this.#own, own, this.#now());
    this.#own = bucket;
    this.#give(own, answer);
  }

  /** Other terms hold from now on: who waits in hand asks anew. Without any: nobody waits. */
  changed(terms: RateTerms | undefined): void {
    const holders = this.#takeHolders();
    if (terms === undefined) {
      this.#own = undefined;
      for (const waiter of [...holders, ...this.#waiting.splice(0)]) waiter.answer(GO);
      if (this.idle) this.#needs.forget(this);
      return;
    }
    if (terms.perSecond === this.#terms.perSecond && terms.burst === this.#terms.burst && holders.length === 0)
      return this.#arm();
    this.#terms = terms;
    this.#returned += holders.length;
    for (const waiter of holders) this.enter(waiter);
  }

  /** Nobody waits in hand any more: who does comes back at its moment. */
  release(): void {
    this.#releasedAt = this.#now();
    const slots = this.#slots;
    for (const [index, waiter] of this.#takeHolders().entries())
      waiter.answer({ kind: 'later', delayMs: Math.max(0, slots[index]! - this.#now()), paid: true });
    this.#arm();
    if (this.idle) this.#needs.forget(this);
  }

  /** Nobody wants it any more: its token is for those behind it. */
  withdraw(whose: object): void {
    takeOf(this.#waiting, whose)?.answer(WITHDRAWN);
    const holder = takeOf(this.#holders, whose);
    if (holder === undefined) return;
    this.#slots.pop();
    this.#needs.holding.freed();
    this.#returned += 1;
    this.#needs.draw(this);
    this.#arm();
    holder.answer(WITHDRAWN);
  }

  #give({ wanted, perSecond }: RateRequest, { granted, leadMs }: RateAnswer): void {
    const everyMs = 1_000 / perSecond;
    const asking = this.#waiting.splice(0, wanted);
    let used = 0;
    for (const waiter of asking) {
      const waitMs = Math.max(0, leadMs + used * everyMs);
      if (used < granted && this.#serve(waiter, waitMs)) used += 1;
      else if (used >= granted) this.#refuse(waiter, waitMs);
    }
    this.#returned += granted - used;
    if (this.#returned > 0) this.#needs.draw(this);
    this.#arm();
  }

  /** True: it has used a token. */
  #serve(waiter: Waiter, waitMs: number): boolean {
    const { holding } = this.#needs;
    if (waitMs <= 0) {
      waiter.answer(GO);
      return true;
    }
    const at = this.#now() + waitMs;
    if (at >= waiter.until) {
      waiter.answer({ kind: 'never', retryAfterMs: waitMs });
      return false;
    }
    if (waitMs > holding.longestMs() || waiter.since <= this.#releasedAt || !holding.mayHold(this.#holders.length)) {
      waiter.answer({ kind: 'later', delayMs: waitMs, paid: true });
      return true;
    }
    holding.held();
    this.#holders.push(waiter);
    // A token that was returned may be given again: moments need not come in order.
    const place = this.#slots.findLastIndex((slot) => slot <= at) + 1;
    this.#slots.splice(place, 0, at);
    return true;
  }

  /** There are so many before it that not even a token ahead of time was to be had. */
  #refuse(waiter: Waiter, waitMs: number): void {
    if (waiter.until !== Infinity) waiter.answer({ kind: 'never', retryAfterMs: waitMs });
    else waiter.answer({ kind: 'later', delayMs: (MOST_AHEAD_MS * (1 + Math.random())) / 2, paid: false });
  }

  #arm(): void {
    // Without anybody to ask, what was spent here is remembered until it is earned.
    const first = this.#slots[0] ?? this.#own?.spentUntil;
    this.#cancel?.();
    this.#cancel = undefined;
    if (first === undefined) return;
    this.#cancel = this.#needs.timers.setTimer(Math.max(0, first - this.#now()), () => this.#start());
  }

  #start(): void {
    this.#cancel = undefined;
    const now = this.#now() + EARLY_MS;
    while (this.#slots.length > 0 && this.#slots[0]! <= now) {
      this.#slots.shift();
      const waiter = takeFirst(this.#holders);
      this.#needs.holding.freed();
      waiter?.answer(GO);
    }
    if (this.#own !== undefined && this.#own.spentUntil <= now) this.#own = undefined;
    this.#arm();
    if (this.idle) this.#needs.forget(this);
  }

  #takeHolders(): Waiter[] {
    const holders = this.#holders;
    this.#holders = [];
    this.#slots = [];
    this.#cancel?.();
    this.#cancel = undefined;
    for (const _ of holders) this.#needs.holding.freed();
    return holders;
  }

  #now(): number {
    return this.#needs.timers.clock.elapsed();
  }
}
