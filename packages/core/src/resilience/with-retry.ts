import { wakefulTimers, type Timers } from '../ground/clock.ts';
import { Aborted, codeOf } from '../ground/errors.ts';
import type { RetryFields } from '../policies/service-settings.ts';
import { pause } from '../ground/pause.ts';
import { retryPolicy } from './policies.ts';
import { retryDelay } from './retry-delay.ts';
import { withDeadline } from './with-deadline.ts';

/** Work that may be tried again. Its signal aborts with the caller's and at the deadline; `attempt` counts from 1. */
export type Retried<Value> = (signal: AbortSignal, attempt: number) => Promise<Value> | Value;

export interface RetryOptions extends Pick<RetryFields, 'profile' | 'attempts' | 'factor' | 'maxDelayMs' | 'jitter'> {
  /** Wait before the first retry, ms; or one's own strategy. Default 100 ms. */
  readonly delayMs?: number | ((attempt: number, error: unknown) => number) | undefined;
  /** Codes that are tried again, or one's own judgement. Default: everything but what says `retryable: false`. */
  readonly retryOn?: readonly string[] | ((error: unknown) => boolean) | undefined;
  /** Called before each wait, with the number of the try that has just failed. */
  readonly onRetry?: ((attempt: number, error: unknown) => void) | undefined;
  /** For all tries and the waits between them, ms. Default: none. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timers?: Timers | undefined;
  readonly random?: (() => number) | undefined;
}

/**
 * Runs `fn` until it succeeds, may not be tried again, or its tries are spent; then rejects with its last error. A wait
 * that would end past the deadline is not begun. `retryAfterMs` of an error is honoured.
 * @param options a profile's name, or fields; defaults as for calls: 3 tries, 100 ms × 2, at most 5 s, full jitter.
 * @throws ConfigError for a wrong option, Aborted, CallTimeout (at `deadlineMs`, while a try runs), or what `fn` throws.
 */
export function withRetry<Value>(fn: Retried<Value>, options: RetryOptions | string = {}): Promise<Value> {
  const given = typeof options === 'string' ? { profile: options } : options;
  const { deadlineMs, signal, timers = wakefulTimers } = given;
  if (deadlineMs === undefined) return run(fn, given, timers, signal ?? new AbortController().signal, Infinity);
  const until = timers.clock.elapsed() + deadlineMs;
  return withDeadline((own) => run(fn, given, timers, own, until), deadlineMs, { signal, timers });
}

async function run<Value>(
  fn: Retried<Value>,
  options: RetryOptions,
  timers: Timers,
  signal: AbortSignal,
  until: number,
): Promise<Value> {
  const { profile, attempts, factor, maxDelayMs, jitter, delayMs, onRetry, random } = options;
  const ownDelay = typeof delayMs === 'function' ? delayMs : undefined;
  const fields = {
    profile,
    attempts,
    factor,
    maxDelayMs,
    jitter,
    delayMs: ownDelay === undefined ? delayMs : undefined,
  };
  const policy = retryPolicy(fields as RetryFields);
  for (let attempt = 1; ; attempt += 1) {
    if (signal.aborted) throw new Aborted('withRetry', signal.reason, attempt === 1 ? 'not-executed' : 'unknown');
    try {
      return await fn(signal, attempt);
    } catch (thrown) {
      if (attempt >= policy.attempts || signal.aborted || !isWanted(thrown, options.retryOn)) throw thrown;
      const backOff = ownDelay?.(attempt, thrown) ?? retryDelay(attempt, policy, random);
      const waitMs = Math.max(backOff, retryAfterOf(thrown));
      if (timers.clock.elapsed() + waitMs >= until) throw thrown;
      onRetry?.(attempt, thrown);
      await pause(timers, waitMs, signal);
    }
  }
}

function isWanted(thrown: unknown, retryOn: RetryOptions['retryOn']): boolean {
  if (typeof retryOn === 'function') return retryOn(thrown);
  if (retryOn !== undefined) return retryOn.includes(codeOf(thrown, ''));
  return (thrown as { retryable?: unknown } | null | undefined)?.retryable !== false;
}

function retryAfterOf(thrown: unknown): number {
  const wanted = (thrown as { retryAfterMs?: unknown } | null | undefined)?.retryAfterMs;
  return typeof wanted === 'number' ? wanted : 0;
}
