/**
 * How a number of places is shared between those who want some: everybody gets an equal part, and what one does not want
 * is the others' (max-min fairness). What cannot be divided goes round. `lua/places.lua` of the Redis backend does the
 * same sums. Pure.
 */

/** What one member holds of the places, and how many it could use. */
export interface Stake {
  readonly id: string;
  readonly held: number;
  readonly wished: number;
}

/** How many of `max` places are `id`'s by right. @param turn grows by one whenever what cannot be divided moves on. */
export function fairShare(max: number, stakes: readonly Stake[], id: string, turn: number): number {
  const sorted = [...stakes].sort((a, b) => a.wished - b.wished || (a.id < b.id ? -1 : 1));
  let left = max;
  for (const [index, { id: one, wished }] of sorted.entries()) {
    const wanting = sorted.length - index;
    const part = Math.floor(left / wanting);
    if (wished > part) {
      // Nobody from here on gets all it wishes: each has an equal part, and some one more.
      const place = sorted.findIndex((stake) => stake.id === id) - index;
      return place < 0 ? 0 : part + ((place + turn) % wanting < left % wanting ? 1 : 0);
    }
    if (one === id) return wished;
    left -= wished;
  }
  return 0;
}

/** How many places `own.id` may use from now on: its part, as far as others do not hold more than theirs. */
export function placesFor(max: number, own: Stake, others: readonly Stake[], turn: number): number {
  const free = max - others.reduce((sum, { held }) => sum + held, 0);
  return Math.max(0, Math.min(fairShare(max, [...others, own], own.id, turn), free));
}
