/** Which clock: `now()` is for what is written down and compared between nodes, `elapsed()` for what is measured here. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never steps. */
  elapsed(): number;
}

/** A clock that can also ring, so that tests turn the hands of both at once. */
export interface Timers {
  readonly clock: Clock;
  /** Runs `fire` once after `ms` milliseconds of this clock. The answer cancels it; cancelling late does nothing. */
  setTimer(ms: number, fire: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
};

/** Longest wait that `setTimeout` can hold, ms; beyond it fires at once. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** Timers of this process that never keep it alive. One that is further away than 24 days rings early: look again then. */
export const systemTimers: Timers = {
  clock: systemClock,
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, Math.min(ms, MAX_TIMEOUT_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Timers that keep the process alive: somebody awaits what they end. */
export const wakefulTimers: Timers = {
  clock: systemClock,
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, Math.min(ms, MAX_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};
