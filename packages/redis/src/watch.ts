/**
 * Watches the beat counters of this node's successors in one lane, on this node's own clock: a counter that stands still
 * for the time to live, over at least three samples, is a dead node. When the samples themselves had a gap (Redis was
 * paused or away, or this node was), nobody could beat: watching begins anew.
 */

/** Ring successors that each node watches: a death is seen by three. */
const WATCHED = 3;
const FEWEST_SAMPLES = 3;

export interface Silent {
  readonly id: string;
  readonly counter: string;
}

interface Sighting {
  counter: string;
  since: number;
  samples: number;
}

export class Watch {
  readonly #me: string;
  readonly #ttlMs: number;
  readonly #gapMs: number;
  #watched: readonly string[] = [];
  #seen = new Map<string, Sighting>();
  #lastSample: number | undefined;

  constructor(me: string, beat: { readonly intervalMs: number; readonly ttlMs: number }) {
    this.#me = me;
    // A quarter beat of tolerance, so that a sample that comes a little early need not wait for the next.
    this.#ttlMs = beat.ttlMs - beat.intervalMs / 4;
    this.#gapMs = Math.max(2 * beat.intervalMs, beat.ttlMs / 2);
  }

  /** The ids to ask for. */
  get watched(): readonly string[] {
    return this.#watched;
  }

  members(ids: readonly string[]): void {
    const ring = [...ids].sort();
    const after = ring.findIndex((id) => id > this.#me);
    const start = after < 0 ? 0 : after;
    this.#watched = [...ring.slice(start), ...ring.slice(0, start)].filter((id) => id !== this.#me).slice(0, WATCHED);
    this.#seen = new Map([...this.#seen].filter(([id]) => this.#watched.includes(id)));
  }

  /** An own beat failed, or its connection is new: nobody may have been able to beat. Watching begins anew. */
  restart(): void {
    this.#seen.clear();
  }

  /** One acknowledged sample, taken at `now` (monotonic, ms): counters by id, '' = no member. Answers who is silent. */
  sample(now: number, counters: ReadonlyMap<string, string>): Silent[] {
    if (this.#lastSample !== undefined && now - this.#lastSample > this.#gapMs) this.#seen.clear();
    this.#lastSample = now;
    const silent: Silent[] = [];
    for (const [id, counter] of counters) {
      if (counter === '') {
        this.#seen.delete(id);
        continue;
      }
      const seen = this.#seen.get(id);
      if (seen === undefined || seen.counter !== counter) {
        this.#seen.set(id, { counter, since: now, samples: 1 });
        continue;
      }
      seen.samples += 1;
      if (seen.samples > FEWEST_SAMPLES - 1 && now - seen.since >= this.#ttlMs) silent.push({ id, counter });
    }
    return silent;
  }
}
