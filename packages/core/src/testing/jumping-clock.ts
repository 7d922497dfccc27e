/** Real time that can be turned forward: what nodes wait for comes sooner, what travels takes the time that it takes. */
import type { Backend, Link } from '../backend.ts';
import type { Clock, Timers } from '../ground/clock.ts';

export interface JumpingClock extends Clock, Timers {
  /** How far it was turned forward so far, ms. */
  readonly ahead: number;
  /** Turns the hands forward by `ms`; timers that fall due on the way fire in order, each at its own time. */
  jump(ms: number): Promise<void>;
}

interface Timer {
  readonly at: number;
  readonly fire: () => void;
  cancel: () => void;
}

export function jumpingClock(): JumpingClock {
  const timers = new Set<Timer>();
  let ahead = 0;
  const elapsed = (): number => performance.now() + ahead;

  const arm = (timer: Timer): void => {
    const handle = setTimeout(
      () => {
        if (timers.delete(timer)) timer.fire();
      },
      Math.min(Math.max(0, timer.at - elapsed()), 2_147_483_647),
    );
    timer.cancel = () => clearTimeout(handle);
  };

  const soonest = (until: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  };

  const self: JumpingClock = {
    now: () => Date.now() + ahead,
    elapsed,
    get clock() {
      return self;
    },
    get ahead() {
      return ahead;
    },
    setTimer: (ms, fire) => {
      const timer: Timer = { at: elapsed() + Math.max(0, ms), fire, cancel: () => undefined };
      timers.add(timer);
      arm(timer);
      return () => {
        timers.delete(timer);
        timer.cancel();
      };
    },
    jump: async (ms) => {
      const until = elapsed() + ms;
      for (let timer = soonest(until); timer !== undefined; timer = soonest(until)) {
        timers.delete(timer);
        timer.cancel();
        ahead += Math.max(0, timer.at - elapsed());
        timer.fire();
        await new Promise((resolve) => setImmediate(resolve));
      }
      ahead += Math.max(0, until - elapsed());
      for (const timer of timers) {
        timer.cancel();
        arm(timer);
      }
    },
  };
  return self;
}

/** A backend whose time is its own and as far ahead as the clock was turned; its nodes wait by that clock. */
export function withClock(backend: Backend, clock: JumpingClock): Backend {
  return {
    name: backend.name,
    connect: async (identity) => {
      const link = await backend.connect(identity);
      const now = (): number => link.now() + clock.ahead;
      const timers: Timers = { clock: { now, elapsed: clock.elapsed }, setTimer: clock.setTimer };
      const { broker, membership, records, breakers, cache, partitions, permits, state, alerts } = link;
      return {
        ...{ broker, membership, records, breakers, cache, partitions, permits, state, alerts, now, timers },
        health: () => link.health(),
        ping: () => link.ping(),
        ready: (signal) => link.ready(signal),
        close: () => link.close(),
      } satisfies Link;
    },
  };
}
