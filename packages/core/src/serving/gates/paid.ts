/** What the history of a delivery says of its turn within a limit. */
import type { Delivery } from '../delivery.ts';

/** It came back because the rate allowed it no sooner; it has had its token since. */
export const RATE_LIMITED = 'RATE_LIMITED';
/** As that, but so many were before it that it got none. */
export const RATE_FAR = 'RATE_FAR';
/** It had its token, but every place was taken. */
export const PLACES_TAKEN = 'PLACES_TAKEN';

/** Whether this is said of a delivery that has its token: what becomes of it next must know that. */
export function isPaid(code: string): boolean {
  return code === RATE_LIMITED || code === PLACES_TAKEN;
}

/** Whether the last thing that happened to it was that it had to come back for a turn that it has a token for. */
export function comesBackPaid({ batch, index }: Delivery): boolean {
  const { history } = batch;
  if (history === undefined || !(history.includes(RATE_LIMITED) || history.includes(PLACES_TAKEN))) return false;
  let last: unknown;
  try {
    const items: unknown = JSON.parse(history);
    if (!Array.isArray(items)) return false;
    last = items.findLast((item: unknown) => isOf(item, index));
  } catch {
    return false;
  }
  return isPaid(String((last as { code?: unknown } | undefined)?.code));
}

function isOf(item: unknown, index: number): boolean {
  return typeof item === 'object' && item !== null && (item as { index?: unknown }).index === index;
}
