import type { Clock, Timers } from '../ground/clock.ts';

export interface VirtualClock extends Clock, Timers {
  /**
   * Turns the hands forward by `ms`. Timers that fall due on the way fire in order, each at its own time, and what they
   * set off on this event loop runs before the hands move on. One advance waits for the one before.
   */
  advance(ms: number): Promise<void>;
  /** Timers that are set and have neither fired nor been cancelled. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** 2026-01-01T00:00:00Z: any moment does, as long as it is the same in every run. */
const DEFAULT_START = 1_767_225_600_000;

/** A clock that stands still until it is advanced. `start` is its first `now()`, ms since the epoch. */
export function virtualClock(start: number = DEFAULT_START): VirtualClock {
  const timers = new Set<Timer>();
  let elapsed = 0;
  let advancing = Promise.resolve();

  const next = (until: number): Timer | undefined => {
    let first: Timer | undefined;
    // A set keeps the order of insertion, so that among equals the one set first wins.
    for (const timer of timers) {
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  };

  const turnHands = async (ms: number): Promise<void> => {
    const until = elapsed + ms;
    await turn();
    for (let timer = next(until); timer !== undefined; timer = next(until)) {
      timers.delete(timer);
      elapsed = timer.at;
      timer.fire();
      await turn();
    }
    elapsed = until;
  };

  const self: VirtualClock = {
    now: () => start + elapsed,
    elapsed: () => elapsed,
    get clock() {
      return self;
    },
    get pending() {
      return timers.size;
    },
    setTimer: (ms, fire) => {
      const timer: Timer = { at: elapsed + Math.max(0, ms), fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: (ms) => {
      advancing = advancing.then(() => turnHands(ms));
      return advancing;
    },
  };
  return self;
}

/** Two turns of the event loop: what a callback schedules for the next one has run as well. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
