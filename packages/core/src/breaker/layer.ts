/** Asks the breaker before every try. */
import { asHomeostatError } from '../ground/errors.ts';
import type { Layer } from '../resilience/request.ts';
import { countsForBreaker, isAnswer } from './counts.ts';
import type { Guard, Verdict } from './guard.ts';

/** Rejects with `CircuitOpen` at once while the breaker is open. @param declared codes that the contract declares: never failures. */
export function breaking(guard: Guard, declared?: ReadonlySet<string>): Layer {
  const { local, telling } = guard;
  const judge = (thrown: unknown): Verdict => verdictOf(thrown, declared);
  return (next) => {
    const succeeded = (value: unknown): unknown => {
      telling.succeeded();
      return value;
    };
    const failed = (thrown: unknown): never => {
      guard.failed(judge(thrown));
      throw thrown;
    };
    return (request) => {
      const admission = local.admit();
      if (admission === 'yes') return next(request).then(succeeded, failed);
      if (admission === 'no') return Promise.reject(guard.refused());
      return guard.asked(request.deadline, () => next(request), judge);
    };
  };
}

function verdictOf(thrown: unknown, declared: ReadonlySet<string> | undefined): Verdict {
  const error = asHomeostatError(thrown);
  if (declared?.has(error.code) === true && error.outcome === 'failed') return 'answer';
  if (countsForBreaker(error)) return error.code === 'CALL_TIMEOUT' ? 'timeout' : 'failure';
  return isAnswer(error) ? 'answer' : 'nothing';
}
