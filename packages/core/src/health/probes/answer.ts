/** What a check may answer, and how it is read. Pure. */
import type { CheckStatus, Verdict } from '../hysteresis.ts';

/** Nothing or `true`: healthy. `false`: unhealthy. */
export type CheckAnswer =
  | void
  | boolean
  | CheckStatus
  | { readonly status: CheckStatus; readonly reason?: string | undefined };

/** Asked at its times; `signal` aborts when the answer is not waited for any more. To throw is to fail. */
export type CheckFn = (signal: AbortSignal) => CheckAnswer | Promise<CheckAnswer>;

const STATUSES: readonly unknown[] = ['healthy', 'degraded', 'unhealthy'] satisfies CheckStatus[];

/** What is no answer at all counts as a failure that says so. */
export function readAnswer(answer: unknown): Verdict {
  if (answer === undefined || answer === true) return { status: 'healthy' };
  if (answer === false) return { status: 'unhealthy', reason: 'it answered false' };
  if (isStatus(answer)) return { status: answer };
  if (typeof answer === 'object' && answer !== null) {
    const { status, reason } = answer as { status?: unknown; reason?: unknown };
    if (isStatus(status)) return { status, reason: typeof reason === 'string' ? reason : undefined };
  }
  return { status: 'unhealthy', reason: 'its answer is no status' };
}

function isStatus(value: unknown): value is CheckStatus {
  return STATUSES.includes(value);
}
