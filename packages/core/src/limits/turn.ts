/** What becomes of a delivery that asked for its turn within a limit. */

export type Turn =
  | { readonly kind: 'go' }
  /** Not now, and not in hand until then. `paid`: a token has been spent, which holds for the next time. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly paid: boolean }
  /** Its turn would come after its deadline. */
  | { readonly kind: 'never'; readonly retryAfterMs: number };

export const GO: Turn = { kind: 'go' };
/** For whom nothing will be done. */
export const WITHDRAWN: Turn = { kind: 'later', delayMs: 0, paid: false };

/** Who waits for a turn. Answered exactly once. */
export interface Waiter {
  /** What counts less goes first. */
  readonly rank: number;
  /** After this nobody waits for it any more, on the clock's `elapsed()`, ms; `Infinity`: for ever. */
  readonly until: number;
  /** Since when it waits, on the clock's `elapsed()`, ms. */
  readonly since: number;
  /** What it waits for. */
  readonly whose: object;
  answer(turn: Turn): void;
}

/** Whoever may wait in hand: those keep places from others. */
export interface Holding {
  /** The longest wait in hand, ms. */
  longestMs(): number;
  /** Whether one more may, where `held` of the same limit do. */
  mayHold(held: number): boolean;
  held(): void;
  freed(): void;
}

/** A rank is worth so much waiting, ms: nobody waits for ever because others are more urgent. */
const RANK_MS = 1_000;

/** Takes out the one that goes first. */
export function takeFirst(waiters: Waiter[]): Waiter | undefined {
  let first = 0;
  for (let index = 1; index < waiters.length; index += 1)
    if (orderOf(waiters[index]!) < orderOf(waiters[first]!)) first = index;
  return waiters.splice(first, 1)[0];
}

/** Takes out the one who waits for this; undefined: nobody does. */
export function takeOf(waiters: Waiter[], whose: object): Waiter | undefined {
  const at = waiters.findIndex((waiter) => waiter.whose === whose);
  return at < 0 ? undefined : waiters.splice(at, 1)[0];
}

function orderOf({ since, rank }: Waiter): number {
  return since + rank * RANK_MS;
}
