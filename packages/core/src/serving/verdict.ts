/** Judging is pure: from what happened to what becomes of the delivery. Settling carries it out. */
import { exponential } from '../ground/backoff.ts';

export interface Judged {
  /** Whether somebody waits for an answer. */
  readonly isCall: boolean;
  /** Deliveries spent, this one included. */
  readonly attempt: number;
  /** Backend time, ms. */
  readonly now: number;
  /** Backend time, ms; 0 when there is none. */
  readonly deadline: number;
}

export interface RedeliveryPolicy {
  readonly deliveries: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

export type Verdict =
  | { readonly kind: 'ack' }
  | { readonly kind: 'retry'; readonly at: number }
  | { readonly kind: 'dead' };

/** What went wrong, as far as the verdict depends on it. */
export interface Failure {
  readonly retryable: boolean;
  /** The thread or node died under the handler: nobody got an answer yet, so even a call is worth another delivery. */
  readonly crashed: boolean;
}

const ACK: Verdict = { kind: 'ack' };
const DEAD: Verdict = { kind: 'dead' };

/**
 * A success is acked. A failed call is acked too: its caller has the error and decides. A failed cast comes back after a
 * back-off until its deliveries are spent, then it is dead; what can never succeed is dead at once.
 */
export function judge(failure: Failure | undefined, message: Judged, policy: RedeliveryPolicy): Verdict {
  if (failure === undefined) return ACK;
  if (message.isCall && !failure.crashed) return ACK;
  const exhausted = message.attempt >= policy.deliveries;
  const at = message.now + exponential(message.attempt, policy.delayMs, policy.maxDelayMs);
  const tooLate = message.deadline !== 0 && at >= message.deadline;
  if (message.isCall) return exhausted || tooLate ? ACK : { kind: 'retry', at };
  return exhausted || tooLate || !failure.retryable ? DEAD : { kind: 'retry', at };
}
