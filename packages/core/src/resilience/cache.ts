/**
 * Answers kept for a while and shared by all nodes. A miss is filled by one caller only: within this node the others wait
 * for the same flight, between nodes a lease holds them back.
 */
import { z } from 'zod';
import type { Cache } from '../ports/cache.ts';
import type { Timers } from '../ground/clock.ts';
import { asHomeostatError, Aborted, CallTimeout, type HomeostatError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { whenAborted } from '../ground/when-aborted.ts';
import type { CachePolicy } from '../policies/service-settings.ts';
import { cacheKey, forgotten } from './cache-key.ts';
import { CacheFlights, type Landed } from './cache-flights.ts';
import { decodeCached, type Cached } from './cached.ts';
import type { Layer, Request, Send } from './request.ts';

const serviceName = z.string().min(1);
const whatToForget = z.union([z.string(), z.strictObject({ prefix: z.string() })], 'must be a key or { prefix }');

export interface CachingNeeds {
  readonly cache: Cache;
  /** `clock.now()` is the time that deadlines are written in. */
  readonly timers: Timers;
  readonly log: Log;
  /** Larger answers are not kept, bytes. */
  readonly maxBodyBytes: number;
  readonly random?: (() => number) | undefined;
}

export interface CacheUse extends CachePolicy {
  /** `refresh`: asks the service in any case, and keeps what it answers. Default `read`. */
  readonly mode?: 'read' | 'refresh' | undefined;
  /** The caller's own key; default: method and input. */
  readonly key?: ((input: unknown) => string) | undefined;
}

export interface CacheStats {
  /** Answered from the shared cache. */
  readonly hits: number;
  /** Asked of the service. */
  readonly misses: number;
  /** Answered by what another caller of this node was asking for already. */
  readonly shared: number;
}

/** The cache as one node uses it. */
export class Caching {
  readonly #needs: CachingNeeds;
  readonly #flights: CacheFlights;
  #shared = 0;

  constructor(needs: CachingNeeds) {
    this.#needs = needs;
    this.#flights = new CacheFlights(needs);
  }

  get stats(): CacheStats {
    return { hits: this.#flights.hits, misses: this.#flights.misses, shared: this.#shared };
  }

  /**
   * Forgets one key of a service, or all that begin with `prefix` (`''`: all of them). Answers how many there were.
   * @throws ConfigError; TransportError when the backend is away.
   */
  async invalidate(service: string, what: string | { readonly prefix: string }): Promise<number> {
    const named = parseOptions(serviceName, service, 'cache.invalidate: service');
    return this.#needs.cache.invalidate(named, forgotten(parseOptions(whatToForget, what, 'cache.invalidate')));
  }

  /** Only queries are kept: a command has an effect that a kept answer would leave out. */
  layer(use: CacheUse): Layer {
    return (next) => (request) => {
      if (request.kind !== 'query') return next(request);
      let key: string;
      try {
        key = cacheKey(request, use.varyOn, use.key);
      } catch (thrown) {
        return Promise.reject(asHomeostatError(thrown));
      }
      return use.mode === 'refresh'
        ? this.#flights.refresh(key, use, request, next).then(valueOf)
        : this.#read(key, use, request, next);
    };
  }

  async #read(key: string, use: CacheUse, request: Request, next: Send): Promise<unknown> {
    for (;;) {
      const underWay = this.#flights.find(request.service, key);
      if (underWay === undefined) {
        const landed = await this.#flights.start(key, use, request, next);
        request.degraded = landed.degraded;
        return valueOf(landed.cached);
      }
      const landed = await this.#landing(underWay, request);
      if (!landed.cached.ok && endedForItself(landed.cached.error)) {
        await landed.over;
        continue;
      }
      // A fallback spoke for its own caller only.
      if (landed.degraded !== undefined && landed.degraded !== 'cache') return next(request);
      this.#shared += 1;
      request.degraded = landed.degraded;
      return valueOf(this.#copy(landed));
    }
  }

  /** What another caller's flight comes to, as long as this caller's own time lasts. */
  #landing(underWay: Promise<Landed>, request: Request): Promise<Landed> {
    const { timers } = this.#needs;
    const { signal, subject, deadline } = request;
    const leftMs = deadline - timers.clock.now();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        cancel();
        unfollow?.();
        settle();
      };
      const abort = (): void => end(() => reject(new Aborted(subject, signal?.reason, 'not-executed')));
      const cancel = timers.setTimer(leftMs, () => end(() => reject(new CallTimeout(subject, leftMs, 'not-executed'))));
      const unfollow = signal && whenAborted(signal, abort);
      void underWay.then((landed) => end(() => resolve(landed)));
    });
  }

  /** To each its own: callers must not change each other's answers. */
  #copy({ cached, body }: Landed): Cached {
    return !cached.ok || body === undefined ? cached : decodeCached(body, this.#needs.maxBodyBytes);
  }
}

/** The one who asked ran out of time or interest; that says nothing to the others. */
function endedForItself(error: HomeostatError): boolean {
  return error.code === 'ABORTED' || error.code === 'CALL_TIMEOUT';
}

function valueOf(cached: Cached): unknown {
  if (cached.ok) return cached.value;
  throw cached.error;
}
