/** How many deliveries of one actor run at once: its concurrency, how much of it counts now, and what its pool takes. */
import type { Pool } from './pool.ts';

export class Capacity {
  readonly #pool: Pool;
  readonly #own: number;
  #declared: number;
  #share = 1;
  /** What concurrency and share allow. */
  #limit: number;

  /** @param declared the actor's own concurrency. */
  constructor(pool: Pool, declared: number) {
    this.#pool = pool;
    this.#own = declared;
    this.#declared = declared;
    this.#limit = declared;
  }

  /** Handlers that run at once when all of it counts. */
  get concurrency(): number {
    return Math.min(this.#declared, this.#pool.size);
  }

  /** Deliveries that may be in hand at once now. */
  get available(): number {
    return Math.min(this.#limit, this.#pool.capacity);
  }

  /** Those of them that the pool really runs at once: what is beyond them waits in the pool. */
  get atOnce(): number {
    return Math.min(this.available, this.#pool.size);
  }

  get share(): number {
    return this.#share;
  }

  set share(share: number) {
    this.#share = share;
    this.#decide();
  }

  resize(concurrency: number): void {
    // Threads take a little ahead of what they run: the concurrency an actor declares bounds that, the size does not.
    this.#declared = this.#pool.kind === 'threads' ? Math.max(this.#own, concurrency) : concurrency;
    this.#pool.resize(concurrency);
    this.#decide();
  }

  #decide(): void {
    this.#limit = this.#share >= 1 ? this.#declared : Math.max(1, Math.round(this.concurrency * this.#share));
  }
}
