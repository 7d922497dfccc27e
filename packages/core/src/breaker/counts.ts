/** Which failures speak against the method that was called. Pure. */
import type { HomeostatError } from '../ground/errors.ts';

/** A handler broke down, whatever else the error says. */
const BREAKDOWNS: ReadonlySet<string> = new Set(['HANDLER', 'HANDLER_TIMEOUT', 'WORKER', 'INTERNAL']);

/** Faults of the road, of the request or of the caller: they say nothing of the handler, even where it passed them on. */
const OTHERS_FAULTS: ReadonlySet<string> = new Set([
  'ABORTED',
  'BACKEND_FULL',
  'MAILBOX_FULL',
  'METHOD_NOT_FOUND',
  'NODE_CLOSED',
  'NOT_MEMBER',
  'OUTPUT_INVALID',
  'TRANSPORT',
  'VALIDATION',
]);

/**
 * A breakdown of the handler, a failure that it calls passing (`UNAVAILABLE`), or no answer although the message had left:
 * of the last, `Breaking` asks first whether the backend is to blame. Never what was not executed, and never what a
 * handler says on purpose.
 */
export function countsForBreaker(error: HomeostatError): boolean {
  if (error.outcome === 'not-executed' || OTHERS_FAULTS.has(error.code)) return false;
  if (error.code === 'CALL_TIMEOUT') return error.outcome === 'unknown';
  if (BREAKDOWNS.has(error.code)) return true;
  return error.outcome === 'failed' && error.retryable;
}

/** Whether a handler ran to its end and meant what it said: that a probe got this far shows that the method works. */
export function isAnswer(error: HomeostatError): boolean {
  return error.outcome === 'failed' && !countsForBreaker(error) && !OTHERS_FAULTS.has(error.code);
}
