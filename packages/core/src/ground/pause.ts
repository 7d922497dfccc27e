/** Waiting on the injected clock: nothing is left behind, whichever way the wait ends. */
import type { Timers } from './clock.ts';
import { whenAborted } from './when-aborted.ts';

/** Resolves after `ms` milliseconds, or at once when the signal aborts. */
export function pause(timers: Timers, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      unfollow?.();
      resolve();
    };
    const cancel = timers.setTimer(ms, done);
    const unfollow = signal && whenAborted(signal, done);
  });
}

/** What `promise` comes to, or undefined when that takes longer than `ms` or it rejects. Never rejects. */
export function within<Value>(timers: Timers, ms: number, promise: Promise<Value>): Promise<Value | undefined> {
  return new Promise((resolve) => {
    const cancel = timers.setTimer(ms, () => resolve(undefined));
    const end = (value: Value | undefined): void => {
      cancel();
      resolve(value);
    };
    promise.then(end, () => end(undefined));
  });
}
