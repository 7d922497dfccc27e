/** How often services were looked up, where the answer came from, and how long that took. */
type Layer = 'memory' | 'redis';

export interface ServiceLookups {
  readonly service: string;
  /** Answered from this process. */
  readonly memory: number;
  /** Answered by the backend. */
  readonly redis: number;
  /** Not answered: no such service, or the backend was away. */
  readonly failed: number;
  /** Of all that were answered, ms. */
  readonly totalMs: number;
  /** How many took at most `LOOKUP_BUCKETS_MS[i]`; each includes the ones before. */
  readonly buckets: readonly number[];
}

export interface LookupStats extends Omit<ServiceLookups, 'service' | 'buckets'> {
  readonly services: readonly ServiceLookups[];
}

/** Upper bounds of the histogram of lookup durations, ms. */
export const LOOKUP_BUCKETS_MS: readonly number[] = [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 50, 100, 1_000];

interface Counter {
  memory: number;
  redis: number;
  failed: number;
  totalMs: number;
  readonly buckets: number[];
}

const newCounter = (): Counter => ({
  memory: 0,
  redis: 0,
  failed: 0,
  totalMs: 0,
  buckets: LOOKUP_BUCKETS_MS.map(() => 0),
});

export class Lookups {
  readonly #maxServices: number;
  readonly #services = new Map<string, Counter>();

  constructor(maxServices: number) {
    this.#maxServices = maxServices;
  }

  answered(service: string, layer: Layer, ms: number): void {
    const counter = this.#of(service);
    counter[layer] += 1;
    counter.totalMs += ms;
    for (let index = LOOKUP_BUCKETS_MS.length - 1; index >= 0 && ms <= (LOOKUP_BUCKETS_MS[index] ?? 0); index -= 1)
      counter.buckets[index] = (counter.buckets[index] ?? 0) + 1;
  }

  failed(service: string): void {
    this.#of(service).failed += 1;
  }

  stats(): LookupStats {
    const total = { memory: 0, redis: 0, failed: 0, totalMs: 0 };
    for (const counter of this.#services.values()) {
      total.memory += counter.memory;
      total.redis += counter.redis;
      total.failed += counter.failed;
      total.totalMs += counter.totalMs;
    }
    const services = [...this.#services].map(([service, { buckets, ...counts }]) => ({
      service,
      ...counts,
      buckets: [...buckets],
    }));
    return { ...total, services };
  }

  /** Names beyond the bound share one counter, `*`: whoever asks for made-up names shall not fill the memory. */
  #of(service: string): Counter {
    const found = this.#services.get(service);
    if (found !== undefined) return found;
    const name = this.#services.size < this.#maxServices ? service : '*';
    let counter = this.#services.get(name);
    if (counter === undefined) this.#services.set(name, (counter = newCounter()));
    return counter;
  }
}
