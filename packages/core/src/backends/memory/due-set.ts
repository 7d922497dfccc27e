import type { Timers } from '../../ground/clock.ts';
import { Heap } from './heap.ts';

interface DueItem {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** What shall happen later, in order of time; moved by one timer, and by every beat in case the clock was stepped. */
export class DueSet {
  readonly #timers: Timers;
  readonly #items = new Heap<DueItem>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #cancel: (() => void) | undefined;
  #armedFor = Infinity;
  #order = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Runs `fire` at `at` (backend time, ms), never before. */
  add(at: number, fire: () => void): void {
    this.#order += 1;
    this.#items.push({ at, order: this.#order, fire });
    if (at < this.#armedFor) this.arm();
  }

  /** Fires what is due. */
  move(): void {
    const now = this.#timers.clock.now();
    for (let item = this.#items.peek(); item !== undefined && item.at <= now; item = this.#items.peek()) {
      this.#items.pop();
      item.fire();
    }
    this.arm();
  }

  arm(): void {
    this.rest();
    const next = this.#items.peek();
    if (next === undefined) return;
    this.#armedFor = next.at;
    const waitMs = Math.max(1, Math.ceil(next.at - this.#timers.clock.now()));
    this.#cancel = this.#timers.setTimer(waitMs, () => this.move());
  }

  /** Holds no timer until `arm()`. */
  rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Infinity;
  }
}
