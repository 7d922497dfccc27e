import type { CacheAnswer, CachePut } from '../../ports/cache.ts';
import type { Clock } from '../../ground/clock.ts';
import { CacheSpace } from './cache-space.ts';

/** The shared answers of a world, by space. */
export class CacheBook {
  readonly #clock: Clock;
  readonly #spaces = new Map<string, CacheSpace>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(space: string, key: string, leaseMs: number): CacheAnswer {
    return this.#of(space).take(key, leaseMs, this.#clock.now());
  }

  put(put: CachePut): void {
    this.#of(put.space).put(put, this.#clock.now());
  }

  release(space: string, key: string, token: string): void {
    this.#spaces.get(space)?.release(key, token);
  }

  invalidate(space: string, what: { readonly key: string } | { readonly prefix: string }): number {
    return this.#of(space).invalidate(what, this.#clock.now());
  }

  #of(name: string): CacheSpace {
    let space = this.#spaces.get(name);
    if (space === undefined) this.#spaces.set(name, (space = new CacheSpace()));
    return space;
  }
}
