/** Tries again what may succeed and may be repeated, as far as deadline and budget allow. */
import type { Timers } from '../ground/clock.ts';
import { asHomeostatError, Aborted, HomeostatError, RetryBudgetExhausted, type Outcome } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RetryPolicy } from '../policies/service-settings.ts';
import { pause } from '../ground/pause.ts';
import type { Layer, Request, Send } from './request.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { RetryTally } from './retry-counters.ts';
import { retryDelay } from './retry-delay.ts';
import { mayRetry } from './retry-rules.ts';

export interface RetryNeeds {
  /** `clock.now()` is the time that deadlines are written in. */
  readonly timers: Timers;
  readonly budget: RetryBudget;
  readonly tally: RetryTally;
  readonly log: Log;
  readonly random?: (() => number) | undefined;
}

/**
 * Rejects with the last error, or with `RetryBudgetExhausted` (its cause is the last error); where the last try was not
 * executed and one before it may have been, the error says so. It never sleeps past the deadline: where the next try would
 * begin too late, the last error is the answer at once.
 */
export function retrying(needs: RetryNeeds, policy: RetryPolicy): Layer {
  const { tally, budget } = needs;
  return (next) => {
    const succeeded = (value: unknown): unknown => {
      tally.firstTries += 1;
      return value;
    };
    return (request) => {
      request.attempts += 1;
      tally.attempts += 1;
      budget.requests += 1;
      return next(request).then(succeeded, (thrown: unknown) =>
        again(needs, policy, next, request, asHomeostatError(thrown)),
      );
    };
  };
}

async function again(
  needs: RetryNeeds,
  policy: RetryPolicy,
  next: Send,
  request: Request,
  first: HomeostatError,
): Promise<unknown> {
  const { tally } = needs;
  let error = first;
  let before: Outcome = 'not-executed';
  try {
    while (request.attempts < policy.attempts && mayRetry(error, request, policy.retryOn)) {
      if (before !== 'unknown' && error.outcome !== 'not-executed') before = error.outcome;
      await untilNextTry(needs, policy, request, error);
      request.attempts += 1;
      tally.attempts += 1;
      try {
        const value = await next(request);
        tally.succeeded(request.attempts);
        return value;
      } catch (thrown) {
        error = asHomeostatError(thrown);
      }
    }
    throw error;
  } catch (thrown) {
    const last = ofAllTries(asHomeostatError(thrown), before);
    tally.failed(last.code);
    if (request.attempts > 1)
      needs.log.debug({ evt: 'operation_failed_max_retries', ...factsOf(request, last) }, 'not tried again');
    throw last;
  }
}

/** That the last try was not executed says nothing of those before it. */
function ofAllTries(last: HomeostatError, before: Outcome): HomeostatError {
  if (last.outcome !== 'not-executed' || before === 'not-executed') return last;
  const { code, message, retryable, details, retryAfterMs } = last;
  const facts = { retryable, outcome: before, details, cause: last };
  return new HomeostatError(code, message, retryAfterMs === undefined ? facts : { ...facts, retryAfterMs });
}

/** Resolves when it is time to try again; rejects when that never will be. */
async function untilNextTry(
  needs: RetryNeeds,
  policy: RetryPolicy,
  request: Request,
  error: HomeostatError,
): Promise<void> {
  const { timers, budget } = needs;
  const { clock } = timers;
  const backOff = retryDelay(request.attempts, policy, needs.random);
  const at = clock.now() + Math.max(backOff, error.retryAfterMs ?? 0);
  if (at >= request.deadline) throw error;
  const slot = await budget.take();
  if (slot === undefined) throw new RetryBudgetExhausted(request.service, error);
  const waitMs = Math.max(at - clock.now(), slot);
  if (clock.now() + waitMs >= request.deadline) throw error;
  needs.log.debug({ evt: 'operation_failed_retrying', ...factsOf(request, error), waitMs }, 'trying again');
  await pause(timers, waitMs, request.signal);
  if (request.signal?.aborted === true) throw new Aborted(request.subject, request.signal.reason, error.outcome);
}

function factsOf(request: Request, error: HomeostatError): object {
  return { subject: request.subject, attempts: request.attempts, code: error.code };
}
