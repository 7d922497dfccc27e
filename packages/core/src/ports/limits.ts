/**
 * The port that keeps all nodes together within a rate, and within a number of handlers that run at once. A limit is
 * named by its service and a name within it, printable and at most 1,024 characters.
 */
import type { RateAnswer, RateRequest } from '../limits/bucket.ts';

export type { RateAnswer, RateRequest } from '../limits/bucket.ts';

export interface RateDraw extends RateRequest {
  readonly name: string;
}

export interface PlaceClaim {
  readonly name: string;
  /** Places in all. */
  readonly max: number;
  /** Places that this node uses now. */
  readonly using: number;
  /** How many it could use, those included; 0: it gives all back. */
  readonly wished: number;
}

export interface Limits {
  /**
   * Draws from token buckets, each in one step; answers in the order of the draws. A bucket that was never drawn from is
   * full. A draw whose answer was lost has been drawn. At most 128 at once.
   */
  draw(service: string, draws: readonly RateDraw[]): Promise<readonly RateAnswer[]>;
  /**
   * Says what this node uses and wishes of places, and answers for each how many it may use from now on (fewer than it
   * uses: it starts no more): an equal part, and of what others do not wish for; what cannot be divided goes round,
   * once a second. All nodes together never have more than `max`. What a node has is its own until it says otherwise or is
   * no member any more. Saying the same twice is safe. At most 128 at once. Rejects with `NotMember` where this node is none.
   */
  share(service: string, claims: readonly PlaceClaim[]): Promise<readonly number[]>;
}
