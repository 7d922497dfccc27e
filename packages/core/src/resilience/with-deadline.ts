import { wakefulTimers, type Timers } from '../ground/clock.ts';
import { Aborted, CallTimeout } from '../ground/errors.ts';
import { whenAborted } from '../ground/when-aborted.ts';

export interface DeadlineOptions {
  /** Ends the work early. */
  readonly signal?: AbortSignal | undefined;
  readonly timers?: Timers | undefined;
}

/**
 * Gives `fn` this much time, ms. At the deadline its signal aborts and the answer is `CallTimeout`, whether or not `fn`
 * heeds the signal.
 * @throws CallTimeout, Aborted (by `options.signal`), or whatever `fn` throws.
 */
export function withDeadline<Value>(
  fn: (signal: AbortSignal) => Promise<Value> | Value,
  ms: number,
  options: DeadlineOptions = {},
): Promise<Value> {
  const { signal, timers = wakefulTimers } = options;
  const own = new AbortController();
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      cancel();
      unfollow?.();
      settle();
    };
    const stop = (error: Error): void =>
      end(() => {
        own.abort(error);
        reject(error);
      });
    const abort = (): void => stop(new Aborted('withDeadline', signal?.reason));
    const cancel = timers.setTimer(ms, () => stop(new CallTimeout('withDeadline', ms)));
    const unfollow = signal && whenAborted(signal, abort);
    if (signal?.aborted === true) {
      stop(new Aborted('withDeadline', signal.reason, 'not-executed'));
      return;
    }
    Promise.resolve()
      .then(() => fn(own.signal))
      .then(
        (value) => end(() => resolve(value)),
        (thrown: unknown) => end(() => reject(thrown)),
      );
  });
}
