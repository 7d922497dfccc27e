/** How many notices somebody who reads gets one by one: counted over all nodes of the group. */
import type { Timers } from '../../ground/clock.ts';
import type { AlertStore } from '../../ports/alerts.ts';
import type { AlertPolicy } from '../policy.ts';
import type { Claiming } from './claims.ts';
import type { Work } from './work.ts';

export interface FloodLimitNeeds {
  readonly store: Pick<AlertStore, 'permit'>;
  readonly claiming: Claiming;
  readonly timers: Timers;
  /** Of the group; of one node's part of it where each node tells somebody else. */
  name(): string;
  policy(): AlertPolicy;
  /** One more is beyond the limit. */
  flooded(alertId: string): void;
}

export class FloodLimit {
  readonly #needs: FloodLimitNeeds;

  constructor(needs: FloodLimitNeeds) {
    this.#needs = needs;
  }

  /** Between two looks whether there is room for a digest, ms. */
  get everyMs(): number {
    return this.#needs.policy().storm.digestMs;
  }

  now(): number {
    return this.#needs.timers.clock.now();
  }

  /** Whether one more message may go now. Where the store does not answer it may: too many are better than none. */
  async permits(): Promise<boolean> {
    const { name, store, policy } = this.#needs;
    const { flood, floodWindowMs } = policy();
    try {
      const [passes = true] = await store.permit(
        [{ name: `group ${name()}`, limit: flood, windowMs: floodWindowMs }],
        this.now(),
      );
      return passes;
    } catch {
      return true;
    }
  }

  /** Counts a notice that is held back. Several members may hold the same one: a claim of its own picks who counts it. */
  async count({ alertId, notice }: Work): Promise<void> {
    const { name, claiming, flooded } = this.#needs;
    const ref = { alertId, notice, group: `flood ${name()}` };
    try {
      if ((await claiming.claim(ref)) !== 'granted') return;
      claiming.finish(ref, 'done');
      flooded(alertId);
    } catch {
      // The store is away: then nobody counts it, and it is told nonetheless.
    }
  }
}
