import test from 'ava';
import fc from 'fast-check';
import { Deadlines, type Deadlined } from '../src/ground/deadlines.ts';

/** A clock and the timers of this process, both turned by hand. Everything between two awaits happens on them. */
class Hands {
  at = 0;
  #timers: { readonly at: number; readonly fire: () => void; readonly handle: object }[] = [];
  /** Longest wait that was asked for, ms. */
  longest = 0;

  readonly clock = { now: (): number => this.at, elapsed: (): number => this.at };

  /** Runs `act` with timers that only this clock rings. */
  with(act: () => void): void {
    const { setTimeout: set, clearTimeout: clear } = globalThis;
    globalThis.setTimeout = ((fire: () => void, ms = 0) => {
      const handle = {};
      this.longest = Math.max(this.longest, ms);
      this.#timers.push({ at: this.at + ms, fire, handle });
      return handle;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = (handle: unknown) => {
      this.#timers = this.#timers.filter((timer) => timer.handle !== handle);
    };
    try {
      act();
    } finally {
      globalThis.setTimeout = set;
      globalThis.clearTimeout = clear;
    }
  }

  /** Turns the hands in steps of `step` ms, as a thread that is busy that long at a time would see them. */
  advance(ms: number, step = 1): void {
    for (const until = this.at + ms; this.at < until;) {
      this.at = Math.min(until, this.at + step);
      for (const timer of this.#timers.filter(({ at }) => at <= this.at)) {
        this.#timers = this.#timers.filter((other) => other !== timer);
        timer.fire();
      }
    }
  }

  get armed(): number {
    return this.#timers.length;
  }
}

class Item implements Deadlined {
  due = 0;
  next: Deadlined | undefined = undefined;
  previous: Deadlined | undefined = undefined;
  slot = -1;
  firedAt: number[] = [];
  readonly #hands: Hands;
  readonly #then: () => void;

  constructor(hands: Hands, then: () => void = () => undefined) {
    this.#hands = hands;
    this.#then = then;
  }

  expire(): void {
    this.firedAt.push(this.#hands.at);
    this.#then();
  }
}

/** Two ticks. */
const LATE_MS = 8;

test('an item fires once, never early and at most two ticks late', (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1_000, noNaN: true }),
      fc.array(
        fc.record({
          after: fc.nat(400),
          due: fc.double({ min: -50, max: 40_000, noNaN: true }),
          removed: fc.option(fc.nat(20_000)),
        }),
        { minLength: 1, maxLength: 25 },
      ),
      (start, plan) => {
        const hands = new Hands();
        hands.at = start;
        hands.with(() => {
          const deadlines = new Deadlines(hands.clock);
          const items = plan.map(({ after, due, removed }) => {
            hands.advance(after);
            const item = new Item(hands);
            const at = hands.at + due;
            deadlines.add(item, at);
            return { item, at, addedAt: hands.at, removeAt: removed === null ? Infinity : hands.at + removed };
          });
          for (let passed = 0; passed < 41_000; passed += 40) {
            for (const { item, removeAt } of items) if (removeAt <= hands.at) deadlines.remove(item);
            hands.advance(40);
          }
          for (const { item, at, addedAt, removeAt } of items) {
            if (item.firedAt.length === 0) {
              t.true(removeAt <= Math.max(at, addedAt) + LATE_MS + 40);
              continue;
            }
            t.is(item.firedAt.length, 1);
            const [firedAt] = item.firedAt as [number];
            t.true(firedAt >= at, `fired at ${firedAt}, due at ${at}`);
            t.true(
              firedAt <= Math.max(at, addedAt) + LATE_MS,
              `fired at ${firedAt}, due at ${at}, added at ${addedAt}`,
            );
          }
          t.is(deadlines.size, 0);
          t.is(hands.armed, 0, 'nothing waits, no timer is set');
          deadlines.close();
        });
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
});

test('a thread that was busy fires everything it has missed, once', (t) => {
  const hands = new Hands();
  hands.with(() => {
    const deadlines = new Deadlines(hands.clock);
    const items = Array.from({ length: 200 }, (_, index) => {
      const item = new Item(hands);
      deadlines.add(item, index * 100);
      return item;
    });
    hands.advance(100_000, 50_000);
    for (const item of items) t.is(item.firedAt.length, 1);
    t.is(deadlines.size, 0);
  });
});

test('an item that fires may remove another and add itself again', (t) => {
  const hands = new Hands();
  hands.with(() => {
    const deadlines = new Deadlines(hands.clock);
    const victim = new Item(hands);
    const again: Item = new Item(hands, () => {
      deadlines.remove(victim);
      if (again.firedAt.length < 3) deadlines.add(again, hands.at + 50);
    });
    deadlines.add(again, 50);
    deadlines.add(victim, 50);
    hands.advance(1_000);
    t.is(again.firedAt.length, 3);
  });
});

test('what is removed does not fire, and removing twice does nothing', (t) => {
  const hands = new Hands();
  hands.with(() => {
    const deadlines = new Deadlines(hands.clock);
    const [kept, removed] = [new Item(hands), new Item(hands)];
    deadlines.add(kept, 100);
    deadlines.add(removed, 100);
    deadlines.remove(removed);
    deadlines.remove(removed);
    t.is(deadlines.size, 1);
    hands.advance(500);
    t.is(removed.firedAt.length, 0);
    t.is(kept.firedAt.length, 1);
    deadlines.remove(kept);
    t.is(deadlines.size, 0);
  });
});

test('an item weeks ahead asks for no longer wait than a timer can hold', (t) => {
  const hands = new Hands();
  hands.with(() => {
    const deadlines = new Deadlines(hands.clock);
    const [far, near] = [new Item(hands), new Item(hands)];
    deadlines.add(far, 1e15);
    deadlines.add(near, 30_000);
    hands.advance(60_000, 10);
    t.is(near.firedAt.length, 1);
    t.is(far.firedAt.length, 0);
    t.true(hands.longest <= 2_147_483_647);
    deadlines.close();
    t.is(hands.armed, 0);
  });
});
