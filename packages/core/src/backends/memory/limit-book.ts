import type { Clock } from '../../ground/clock.ts';
import { drawn, type Bucket } from '../../limits/bucket.ts';
import { placesFor, type Stake } from '../../limits/places.ts';
import type { PlaceClaim, RateAnswer, RateDraw } from '../../ports/limits.ts';

/** What cannot be divided moves on after this, ms. */
const TURN_MS = 1_000;

/** Buckets and places of a world. */
export class LimitBook {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  /** By limit, then by member. */
  readonly #stakes = new Map<string, Map<string, Stake>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  draw(service: string, draws: readonly RateDraw[]): RateAnswer[] {
    const now = this.#clock.now();
    this.#dropFull(now);
    return draws.map((draw) => {
      const name = `${service} ${draw.name}`;
      const { bucket, answer } = drawn(this.#buckets.get(name), draw, now);
      // The one that will be full last stands last, nearly.
      this.#buckets.delete(name);
      this.#buckets.set(name, bucket);
      return answer;
    });
  }

  share(service: string, claims: readonly PlaceClaim[], id: string, lives: (id: string) => boolean): number[] {
    return claims.map(({ name, max, using, wished }) => {
      const key = `${service} ${name}`;
      const stakes = this.#stakes.get(key) ?? new Map<string, Stake>();
      for (const other of [...stakes.keys()]) if (other === id || !lives(other)) stakes.delete(other);
      const turn = Math.floor(this.#clock.now() / TURN_MS);
      const allowed = placesFor(max, { id, held: using, wished }, [...stakes.values()], turn);
      if (allowed > 0 || wished > 0) stakes.set(id, { id, held: Math.max(using, allowed), wished });
      if (stakes.size === 0) this.#stakes.delete(key);
      else this.#stakes.set(key, stakes);
      return allowed;
    });
  }

  /** A full bucket is one that nobody knows; a few are looked at each time. */
  #dropFull(now: number): void {
    for (const [name, { spentUntil }] of this.#buckets) {
      if (spentUntil > now) return;
      this.#buckets.delete(name);
    }
  }
}
