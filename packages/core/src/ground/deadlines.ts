/**
 * One shared queue for every deadline of a node: a hashed timing wheel (Varghese and Lauck, 1987). Adding and removing
 * cost a few nanoseconds, where a timer per call costs hundreds. Items fire up to two ticks late, never early.
 */
import { wakefulTimers, type Clock, type Timers } from './clock.ts';

/** What the wheel links; the owner embeds these fields so that no extra object is made per item. */
export interface Deadlined {
  /** When to fire, on the clock's `elapsed()`, ms. */
  due: number;
  next: Deadlined | undefined;
  previous: Deadlined | undefined;
  /** Which slot holds it; −1 when none does. */
  slot: number;
  expire(): void;
}

/** Width of a slot, ms. */
const TICK_MS = 4;
/** A power of two; with the tick a turn of the wheel takes 16 s. */
const SLOTS = 4_096;

export class Deadlines {
  readonly #clock: Clock;
  readonly #setTimer: Timers['setTimer'];
  readonly #slots: (Deadlined | undefined)[] = new Array<Deadlined | undefined>(SLOTS).fill(undefined);
  #size = 0;
  /** Every slot up to and including this tick has been fired. */
  #tick = 0;
  #cancelTimer: () => void = () => {};
  #timerTick = Infinity;

  /** @param setTimer of the same clock; default: timers that keep the process alive. */
  constructor(clock: Clock, setTimer: Timers['setTimer'] = wakefulTimers.setTimer) {
    this.#clock = clock;
    this.#setTimer = setTimer;
    this.#tick = Math.floor(clock.elapsed() / TICK_MS);
  }

  get size(): number {
    return this.#size;
  }

  add(item: Deadlined, due: number): void {
    if (this.#size === 0) this.#tick = Math.floor(this.#clock.elapsed() / TICK_MS);
    const tick = Math.max(this.#tick + 1, Math.ceil(due / TICK_MS));
    const slot = tick & (SLOTS - 1);
    const head = this.#slots[slot];
    item.due = due;
    item.slot = slot;
    item.previous = undefined;
    item.next = head;
    if (head !== undefined) head.previous = item;
    this.#slots[slot] = item;
    this.#size += 1;
    if (tick < this.#timerTick) this.#arm(tick);
  }

  remove(item: Deadlined): void {
    if (item.slot < 0) return;
    if (item.previous === undefined) this.#slots[item.slot] = item.next;
    else item.previous.next = item.next;
    if (item.next !== undefined) item.next.previous = item.previous;
    item.next = undefined;
    item.previous = undefined;
    item.slot = -1;
    this.#size -= 1;
  }

  close(): void {
    this.#cancelTimer();
    this.#timerTick = Infinity;
  }

  #arm(tick: number): void {
    this.#cancelTimer();
    this.#timerTick = tick;
    const waitMs = Math.ceil(tick * TICK_MS - this.#clock.elapsed());
    // No further than one turn of the wheel: a timer cannot hold more than 24 days.
    this.#cancelTimer = this.#setTimer(Math.min(SLOTS * TICK_MS, Math.max(1, waitMs)), () => this.#turn());
  }

  #turn(): void {
    this.#timerTick = Infinity;
    const now = this.#clock.elapsed();
    const target = Math.floor(now / TICK_MS);
    const slots = Math.min(target - this.#tick, SLOTS);
    const first = target - slots + 1;
    this.#tick = Math.max(this.#tick, target);
    for (let tick = first; tick <= target; tick += 1) this.#fire(tick & (SLOTS - 1), now);
    const next = this.#nextOccupied();
    if (next !== undefined && next < this.#timerTick) this.#arm(next);
  }

  /** Two steps, because an item that fires may remove or add others of its slot. */
  #fire(slot: number, now: number): void {
    let fired: Deadlined[] | undefined;
    for (let item = this.#slots[slot]; item !== undefined; item = item.next) {
      if (item.due <= now) (fired ??= []).push(item);
    }
    for (const item of fired ?? []) {
      if (item.slot < 0) continue;
      this.remove(item);
      item.expire();
    }
  }

  #nextOccupied(): number | undefined {
    if (this.#size === 0) return undefined;
    for (let ahead = 1; ahead <= SLOTS; ahead += 1) {
      if (this.#slots[(this.#tick + ahead) & (SLOTS - 1)] !== undefined) return this.#tick + ahead;
    }
    return undefined;
  }
}
