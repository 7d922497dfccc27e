/** Answers in place of a service that could not. */
import { asHomeostatError, HandlerError, messageOf, HomeostatError } from '../ground/errors.ts';
import { countsForBreaker } from '../breaker/counts.ts';
import type { Layer, Request } from './request.ts';

/** What stands in for the answer; may be a promise. Whatever it throws is what the caller gets. */
export type Fallback = (error: HomeostatError, input: unknown) => unknown;

/** The caller's own doing: nothing stands in for it. */
const CALLERS_OWN: ReadonlySet<string> = new Set([
  'ABORTED',
  'VALIDATION',
  'SERIALIZATION',
  'PAYLOAD_TOO_LARGE',
  'CONFIG',
]);

/**
 * Whether a fallback may stand in: the service could not answer. What a handler said on purpose (a declared error) is an
 * answer, and so the caller gets it.
 */
function mayStandIn(error: HomeostatError): boolean {
  if (CALLERS_OWN.has(error.code)) return false;
  return error.outcome !== 'failed' || error.code === 'OUTPUT_INVALID' || countsForBreaker(error);
}

/** Sets `request.degraded` to the code of the failure that was stood in for. */
export function fallingBack(fallback: Fallback): Layer {
  return (next) => (request) =>
    next(request).catch((thrown: unknown) => standIn(fallback, request, asHomeostatError(thrown)));
}

async function standIn(fallback: Fallback, request: Request, error: HomeostatError): Promise<unknown> {
  if (!mayStandIn(error)) throw error;
  try {
    const value = await fallback(error, request.input);
    request.degraded = error.code;
    return value;
  } catch (thrown) {
    if (thrown instanceof HomeostatError) throw thrown;
    throw new HandlerError(`${request.subject}: the fallback failed: ${messageOf(thrown)}`, {
      retryable: false,
      outcome: error.outcome,
      cause: thrown,
    });
  }
}
