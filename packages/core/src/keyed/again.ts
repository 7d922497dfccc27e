/** Heads that failed, each until its time has come. */
import type { Clock } from '../ground/clock.ts';
import type { Deadlined, Deadlines } from '../ground/deadlines.ts';

class Due implements Deadlined {
  due = 0;
  next: Deadlined | undefined = undefined;
  previous: Deadlined | undefined = undefined;
  slot = -1;
  readonly #fire: () => void;

  constructor(fire: () => void) {
    this.#fire = fire;
  }

  expire(): void {
    this.#fire();
  }
}

export class Again<Item> {
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #due: (item: Item) => void;
  readonly #waiting = new Map<Item, Due>();

  /** @param due is told when an item's time has come. */
  constructor(deadlines: Deadlines, clock: Clock, due: (item: Item) => void) {
    this.#deadlines = deadlines;
    this.#clock = clock;
    this.#due = due;
  }

  has(item: Item): boolean {
    return this.#waiting.has(item);
  }

  add(item: Item, delayMs: number): void {
    this.remove(item);
    const due = new Due(() => {
      this.#waiting.delete(item);
      this.#due(item);
    });
    this.#waiting.set(item, due);
    this.#deadlines.add(due, this.#clock.elapsed() + Math.max(0, delayMs));
  }

  remove(item: Item): void {
    const due = this.#waiting.get(item);
    if (due === undefined) return;
    this.#waiting.delete(item);
    this.#deadlines.remove(due);
  }

  clear(): void {
    for (const item of [...this.#waiting.keys()]) this.remove(item);
  }
}
