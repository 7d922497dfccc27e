/** Chains as a node builds them, over the memory backend's books and a clock that stands still. */
import { CacheBook } from '../../src/backends/memory/cache-book.ts';
import { BreakerBook } from '../../src/backends/memory/breaker-book.ts';
import { Breaking } from '../../src/breaker/breaking.ts';
import type { Cache } from '../../src/ports/cache.ts';
import { HandlerError, type HomeostatError, TransportError } from '../../src/ground/errors.ts';
import { Emitter } from '../../src/node/events.ts';
import type { PermitAnswer, PermitRequest, Permits } from '../../src/ports/permits.ts';
import { pipeline, pipelineNeeds, type PipelineNeeds, type PipelinePolicy } from '../../src/resilience/pipeline.ts';
import type { Request, Send } from '../../src/resilience/request.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../../src/policies/service-settings.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { keptLog, requestTo, type Line } from '../breaker/house.ts';

export const NOTHING: PipelinePolicy = {
  retry: false,
  breaker: false,
  cache: false,
  maxPending: 1_024,
  hedgeAfterMs: 0,
};

/** Exact waits: no jitter, no slots. */
export function retryOf(fields: Partial<RetryPolicy> = {}): RetryPolicy {
  return { ...DEFAULT_RETRY, jitter: 'none', slots: 1, ...fields };
}

/** Grants everything at once, and remembers what it was asked. */
export class OpenPermits implements Permits {
  readonly asked: PermitRequest[] = [];
  answer: (request: PermitRequest) => PermitAnswer | Promise<PermitAnswer> = ({ wanted }) => ({
    granted: wanted,
    waitsMs: Array.from({ length: wanted }, () => 0),
  });

  async take(_service: string, request: PermitRequest): Promise<PermitAnswer> {
    this.asked.push(request);
    return this.answer(request);
  }
}

export class ResilienceHouse {
  readonly clock: VirtualClock = virtualClock();
  readonly cacheBook: CacheBook = new CacheBook(this.clock);
  readonly permits: OpenPermits = new OpenPermits();
  readonly lines: Line[];
  /** The cache refuses everything. */
  cacheAway = false;
  readonly #log = keptLog();

  constructor() {
    this.lines = this.#log.lines;
  }

  /** What one node shares. */
  node(permits: Permits = this.permits): PipelineNeeds {
    const { clock } = this;
    const { log } = this.#log;
    const book = new BreakerBook(clock, () => {});
    const breaking = new Breaking({
      breakers: {
        record: async (name, tally, policy, by, known) => book.record(name, tally, policy, by, known),
        probe: async (name, leaseMs, _policy, by) => book.probe(name, leaseMs, by),
        release: async (name, token) => book.release(name, token),
        force: async (name, force) => book.force(name, force),
        all: async () => book.all(),
      },
      timers: clock,
      log,
      events: new Emitter(log),
      nodeId: () => 'a',
      ping: async () => 1,
    });
    const link = { cache: this.#cache(), permits };
    return pipelineNeeds({ timers: clock, log, breaking, link, maxBodyBytes: 100_000 });
  }

  request(fields: Partial<Request> = {}): Request {
    return requestTo(this.clock, fields);
  }

  #cache(): Cache {
    const use = async <Value>(act: () => Value): Promise<Value> => {
      if (this.cacheAway) throw new TransportError('away', { outcome: 'not-executed' });
      return act();
    };
    const book = this.cacheBook;
    return {
      take: (space, key, leaseMs) => use(() => book.take(space, key, leaseMs)),
      put: (put) => use(() => book.put(put)),
      release: (space, key, token) => use(() => book.release(space, key, token)),
      invalidate: (space, what) => use(() => book.invalidate(space, what)),
    };
  }
}

/** A service that fails with these errors, one after the other, and then answers `fine`; it notes when it was asked. */
export function failing(clock: VirtualClock, ...errors: readonly HomeostatError[]): { send: Send; at: number[] } {
  const at: number[] = [];
  const startedAt = clock.now();
  return {
    at,
    send: () => {
      at.push(clock.now() - startedAt);
      const error = errors[at.length - 1];
      return error === undefined ? Promise.resolve('fine') : Promise.reject(error);
    },
  };
}

export function times<Value>(count: number, value: Value): Value[] {
  return Array.from({ length: count }, () => value);
}

export const broken: HomeostatError = new HandlerError('it broke');

/** Whatever comes of a call, as one value. */
export async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (thrown) {
    return thrown;
  }
}

export { pipeline };
