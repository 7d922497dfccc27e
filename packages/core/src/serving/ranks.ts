/**
 * Who goes first where some of the work is more urgent. Higher ranks first, but nobody waits for ever: what was passed
 * over often enough has its turn. And some places are kept for the urgent, so that they find one however much there is of
 * the rest. Pure.
 */
import { RANK, type Rank } from '../contract/lines.ts';

/** Part of the places that what is not urgent never takes; at least one, where there are two. */
export const RESERVED_PART = 0.1;
/** Starts of higher ranks after which a lower one has a turn. */
export const PASSED_OVER = 16;

export const RANKS: readonly Rank[] = [RANK.control, RANK.high, RANK.normal, RANK.low];

/** Places that messages below `high` may have together, of so many. */
export function commonPlaces(places: number): number {
  return places < 2 ? places : places - Math.max(1, Math.floor(places * RESERVED_PART));
}

export class Ranks {
  /** By rank: places that it has now. */
  readonly #taken = [0, 0, 0, 0];
  /** By rank: starts of higher ones since its own last. */
  readonly #passed = [0, 0, 0, 0];
  readonly #reserves: boolean;

  /** @param reserves whether places are kept for what is urgent. */
  constructor(reserves: boolean) {
    this.#reserves = reserves;
  }

  /** Places that a rank may still take, of so many: what ranks below it hold counts, what those above hold does not. */
  free(rank: Rank, places: number): number {
    if (!this.#reserves || rank <= RANK.high) return places;
    return commonPlaces(places) - this.#taken[RANK.normal]! - this.#taken[RANK.low]!;
  }

  /** It has waited for long enough to go before higher ranks. */
  isOverdue(rank: Rank): boolean {
    return this.#passed[rank]! >= PASSED_OVER;
  }

  /** Which rank has the next place; undefined: none of those that wait may have one. `waiting` by rank. */
  next(waiting: (rank: Rank) => number, places: number): Rank | undefined {
    let first: Rank | undefined;
    let overdue: Rank | undefined;
    for (const rank of RANKS) {
      if (rank === RANK.control || waiting(rank) === 0 || this.free(rank, places) <= 0) continue;
      first ??= rank;
      if (this.isOverdue(rank) && (overdue === undefined || this.#passed[rank]! > this.#passed[overdue]!))
        overdue = rank;
    }
    return overdue ?? first;
  }

  started(rank: Rank): void {
    this.#taken[rank]! += 1;
    if (rank === RANK.control) return;
    this.#passed[rank] = 0;
    for (let below = rank + 1; below < RANKS.length; below += 1) this.#passed[below]! += 1;
  }

  ended(rank: Rank): void {
    this.#taken[rank]! -= 1;
  }
}
