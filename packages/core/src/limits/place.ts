/** A number of places over all nodes as this node uses them: how many it may use now, and who waits for one. */
import type { Timers } from '../ground/clock.ts';
import type { HomeostatError } from '../ground/errors.ts';
import type { PlaceClaim } from '../ports/limits.ts';
import { GO, takeFirst, takeOf, WITHDRAWN, type Holding, type Turn, type Waiter } from './turn.ts';

/** While somebody waits the others are asked this often, ms. */
const ASK_MS = 50;
/** Places that are not needed are kept for so long, ms: soon they may be needed again. */
const KEEP_MS = 20;
/** What is used is said again after this, ms: whoever lost it learns it. */
const SAY_MS = 1_000;
/** Who cannot wait in hand comes back after this at least, and at most, ms. */
const SOONEST_MS = 50;
const LATEST_MS = 60_000;

export interface PlacesNeeds {
  readonly timers: Timers;
  readonly holding: Holding;
  /** Smoothed time of what runs in a place, ms. */
  serviceMs(): number;
  /** Wants to say what it uses and wishes. */
  say(places: Places): void;
}

export class Places {
  readonly name: string;
  readonly #needs: PlacesNeeds;
  #max: number;
  #using = 0;
  #allowed = 0;
  /** As it was before what is not needed was offered to the others. */
  #kept = 0;
  #waiting: Waiter[] = [];
  /** When the last of those that were sent away comes back, on the clock's `elapsed()`, ms. */
  #lastBack = -Infinity;
  #closed = false;
  #cancel: (() => void) | undefined;

  constructor(name: string, max: number, needs: PlacesNeeds) {
    this.name = name;
    this.#max = max;
    this.#needs = needs;
  }

  get idle(): boolean {
    return this.#using === 0 && this.#allowed === 0 && this.#waiting.length === 0;
  }

  /** True: it has a place now. Otherwise it is answered, at once or later. */
  enter(waiter: Waiter): boolean {
    if (this.#using < this.#allowed && this.#waiting.length === 0) {
      this.#using += 1;
      return true;
    }
    if (!this.#needs.holding.mayHold(this.#waiting.length)) {
      waiter.answer(this.#sentAway(waiter));
      // Nobody has a place or waits for one: once the last is back it can be forgotten.
      if (this.idle) this.#sayAfter(Math.max(KEEP_MS, this.#lastBack - this.#now()));
      return false;
    }
    this.#needs.holding.held();
    this.#waiting.push(waiter);
    this.#needs.say(this);
    return false;
  }

  /** Nobody wants it any more. */
  withdraw(whose: object): void {
    const waiter = takeOf(this.#waiting, whose);
    if (waiter === undefined) return;
    this.#needs.holding.freed();
    this.#needs.say(this);
    waiter.answer(WITHDRAWN);
  }

  /** What had a place has ended. */
  leave(): void {
    this.#using -= 1;
    if (this.#closed) return this.#needs.say(this);
    this.#start();
    // A place that is not its own any more is waited for elsewhere.
    if (this.#waiting.length > 0 && this.#using >= this.#allowed) this.#needs.say(this);
    else if (this.#waiting.length === 0) this.#sayAfter(KEEP_MS);
  }

  claim(): PlaceClaim {
    const using = this.#using;
    const wished = Math.max(using, Math.min(this.#max, using + this.#waiting.length));
    // What it does not wish may be another's from now on: nothing starts there while the answer is on its way.
    this.#kept = this.#allowed;
    this.#allowed = Math.min(this.#allowed, wished);
    return { name: this.name, max: this.#max, using, wished };
  }

  answered(allowed: number): void {
    this.#allowed = allowed;
    this.#start();
    this.#sendAway();
    if (this.#waiting.length > 0) this.#sayAfter(ASK_MS);
    else if (this.#allowed > this.#using) this.#sayAfter(KEEP_MS);
    else if (this.#using > 0) this.#sayAfter(SAY_MS);
  }

  /** Nobody could be asked: what it surely has it keeps, and asks again. Who is no member has nothing. */
  unanswered({ code, outcome }: HomeostatError): void {
    if (code === 'NOT_MEMBER') this.#allowed = 0;
    else if (outcome === 'not-executed') this.#allowed = this.#kept;
    this.#sendAway();
    if (!this.idle) this.#sayAfter(SAY_MS);
  }

  /** Another number holds from now on. Without any: nobody waits. */
  changed(max: number | undefined): void {
    if (max === undefined) {
      this.#allowed = Infinity;
      this.#start();
      this.#allowed = 0;
    } else {
      this.#max = max;
    }
    this.#needs.say(this);
  }

  /** Nobody waits in hand any more. */
  release(): void {
    for (const waiter of this.#waiting.splice(0)) {
      this.#needs.holding.freed();
      waiter.answer(this.#sentAway(waiter));
    }
    this.#cancel?.();
    this.#needs.say(this);
  }

  /** It says what it uses, and again whenever that is less; it keeps nobody awake. */
  close(): void {
    this.#closed = true;
    this.release();
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#using < this.#allowed) {
      const waiter = takeFirst(this.#waiting);
      this.#using += 1;
      this.#needs.holding.freed();
      waiter?.answer(GO);
    }
  }

  /** Those that have waited in hand for long enough. */
  #sendAway(): void {
    const now = this.#now();
    const longestMs = this.#needs.holding.longestMs();
    const [kept, gone] = [[] as Waiter[], [] as Waiter[]];
    for (const waiter of this.#waiting) {
      const over = waiter.until <= now || now - waiter.since >= longestMs;
      (over ? gone : kept).push(waiter);
    }
    this.#waiting = kept;
    for (const waiter of gone) {
      this.#needs.holding.freed();
      waiter.answer(waiter.until <= now ? { kind: 'later', delayMs: 0, paid: true } : this.#sentAway(waiter));
    }
  }

  /** Those that are sent away come back one after the other, as fast as places become free here. */
  #sentAway(waiter: Waiter): Turn {
    const now = this.#now();
    const everyMs = this.#needs.serviceMs() / Math.max(1, Math.min(this.#allowed, this.#max));
    const at = Math.min(now + LATEST_MS, Math.max(this.#lastBack + everyMs, now + SOONEST_MS));
    if (at >= waiter.until) return { kind: 'never', retryAfterMs: at - now };
    this.#lastBack = at;
    return { kind: 'later', delayMs: at - now, paid: true };
  }

  #sayAfter(ms: number): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#closed) return;
    this.#cancel = this.#needs.timers.setTimer(ms, () => {
      this.#cancel = undefined;
      this.#needs.say(this);
    });
  }

  #now(): number {
    return this.#needs.timers.clock.elapsed();
  }
}
