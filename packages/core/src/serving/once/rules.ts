/** What becomes of an id when the run that has it fails. Pure. */
import type { WireError } from '../../wire/envelope.ts';

export interface FailedRun {
  /** Its handler had been told to stop. */
  readonly stopped: boolean;
  readonly isCall: boolean;
  /** Its method runs at most once: nothing of it can be replayed. */
  readonly atMostOnce: boolean;
}

/** What a handler that was told to stop says of that is no answer. */
const STOPPED: ReadonlySet<string> = new Set(['ABORTED', 'HANDLER_TIMEOUT', 'NODE_CLOSED', 'NOT_MEMBER']);

/**
 * Whether a failure is an answer that stands: trying again would end the same. What may succeed another time frees the
 * id, and so does a cast that becomes a dead letter, so that it can be replayed.
 */
export function stands({ code, retryable }: WireError, { stopped, isCall, atMostOnce }: FailedRun): boolean {
  if (retryable || (stopped && STOPPED.has(code))) return false;
  return isCall || atMostOnce;
}
