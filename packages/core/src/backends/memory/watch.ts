import type { BeatOptions } from '../../ports/broker.ts';
import type { World } from './world.ts';

/** How often a beat counter must have been seen unchanged before its member is taken for dead. */
const SAMPLES = 3;

/** One member's watch over the others: who is silent for longer than the TTL is removed. */
export class Watch {
  readonly #world: World;
  readonly #beat: BeatOptions;
  readonly #seen = new Map<string, { beats: number; samples: number }>();
  #lastLook: number;

  constructor(world: World, beat: BeatOptions) {
    this.#world = world;
    this.#beat = beat;
    this.#lastLook = world.timers.clock.elapsed();
  }

  look(self: string): void {
    const now = this.#world.timers.clock.elapsed();
    // A watcher that came late was held up itself, and the others with it: their silence says nothing.
    const late = now - this.#lastLook > 2 * this.#beat.intervalMs;
    this.#lastLook = now;
    for (const id of this.#seen.keys()) {
      if (!this.#world.members.has(id)) this.#seen.delete(id);
    }
    for (const { id, beats, beatAt } of this.#world.members.values()) {
      if (id === self) continue;
      const seen = this.#seen.get(id);
      if (late || seen?.beats !== beats) {
        this.#seen.set(id, { beats, samples: 1 });
        continue;
      }
      seen.samples += 1;
      if (seen.samples >= SAMPLES && now - beatAt > this.#beat.ttlMs) this.#world.remove(id, 'expired');
    }
  }
}
