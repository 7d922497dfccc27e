/** Whether a failed call may be sent again. Pure. */
import type { HomeostatError } from '../ground/errors.ts';
import type { Request } from './request.ts';

/** This node refused by itself, and would again: whoever asked for speed gets the refusal at once. */
const FINAL_REFUSALS: ReadonlySet<string> = new Set([
  'CIRCUIT_OPEN',
  'SERVICE_DISABLED',
  'SERVICE_NOT_FOUND',
  'NO_HEALTHY_INSTANCES',
  'NODE_CLOSED',
]);

/**
 * Never after an abort. After `not-executed` whenever another try may succeed; once a handler may have run, only where
 * running it twice is harmless: a query, or a request with an `id`;
 * never where the method runs at most once.
 * @param retryOn codes that are tried again whatever the error says of itself; absent: its `retryable` decides.
 */
export function mayRetry(
  error: HomeostatError,
  request: Pick<Request, 'kind' | 'id' | 'atMostOnce'>,
  retryOn?: readonly string[],
): boolean {
  if (error.code === 'ABORTED') return false;
  if (!(retryOn?.includes(error.code) ?? retriesByItself(error))) return false;
  if (error.outcome === 'not-executed') return true;
  return request.atMostOnce !== true && (request.kind === 'query' || request.id !== undefined);
}

function retriesByItself(error: HomeostatError): boolean {
  if (!error.retryable) return false;
  if (error.outcome !== 'not-executed') return true;
  // A full bulkhead says no moment to come back; an overloaded service that names one is worth another try.
  if (error.code === 'OVERLOADED') return error.retryAfterMs !== undefined;
  return !FINAL_REFUSALS.has(error.code);
}
