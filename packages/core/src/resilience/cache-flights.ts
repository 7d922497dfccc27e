/** Looking an answer up and, where nobody knows it, getting it: one flight for all callers of this node who want the same. */
import type { CacheAnswer } from '../ports/cache.ts';
import { asHomeostatError, Aborted, CallTimeout, messageOf } from '../ground/errors.ts';
import type { CacheUse, CachingNeeds } from './cache.ts';
import { decodeCached, encodeCached, type Cached } from './cached.ts';
import { pause, within } from '../ground/pause.ts';
import { ANSWER_MS } from './answer-ms.ts';
import type { Request, Send } from './request.ts';

/** A filler that dies holds the others up for this long at most, ms. */
const MAX_LEASE_MS = 30_000;
/** First and longest pause between two looks while another node fills, ms. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;
const PAUSE_FACTOR = 1.6;

/** How a flight ended. */
export interface Landed {
  readonly cached: Cached;
  /** As it lies in the cache; undefined where it is not kept. */
  readonly body: Uint8Array | undefined;
  /** `cache`, or the code of the failure that a fallback stood in for: that is one caller's answer and never kept. */
  readonly degraded: string | undefined;
  /** Resolves when the answer is kept, or the lease given back: whoever comes then begins a flight of its own. */
  readonly over: Promise<void>;
}

const NOTHING_TO_DO = Promise.resolve();

export class CacheFlights {
  hits = 0;
  misses = 0;
  readonly #needs: CachingNeeds;
  readonly #underWay = new Map<string, Promise<Landed>>();

  constructor(needs: CachingNeeds) {
    this.#needs = needs;
  }

  find(service: string, key: string): Promise<Landed> | undefined {
    return this.#underWay.get(`${service}\n${key}`);
  }

  /** Never rejects. */
  start(key: string, use: CacheUse, request: Request, next: Send): Promise<Landed> {
    const name = `${request.service}\n${key}`;
    const flight = this.#look(key, use, request, next).then((landed) => ({
      ...landed,
      over: landed.over.then(() => void this.#underWay.delete(name)),
    }));
    this.#underWay.set(name, flight);
    return flight;
  }

  /** Resolves when the answer can be read by all nodes. */
  async refresh(key: string, use: CacheUse, request: Request, next: Send): Promise<Cached> {
    const { cached, over } = await this.#fill(key, use, request, next, undefined);
    await over;
    return cached;
  }

  async #look(key: string, use: CacheUse, request: Request, next: Send): Promise<Landed> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * PAUSE_FACTOR)) {
      const answer = await this.#take(key, request);
      if (answer === undefined) return { ...(await this.#ask(use, request, next)), over: NOTHING_TO_DO };
      if (answer.kind === 'fill') return this.#fill(key, use, request, next, answer.token);
      if (answer.kind === 'hit')
        return this.#read(answer.body, request) ?? this.#fill(key, use, request, next, undefined);
      const ended = await this.#waited(pauseMs, request);
      if (ended !== undefined) return ended;
    }
  }

  /** Undefined: the backend is away. */
  async #take(key: string, { service, deadline }: Request): Promise<CacheAnswer | undefined> {
    const { cache, timers } = this.#needs;
    const leaseMs = Math.ceil(Math.min(MAX_LEASE_MS, Math.max(1, deadline - timers.clock.now())));
    let late = false;
    const taken = cache.take(service, key, leaseMs);
    // An answer that nobody waits for any more must not hold the other nodes up.
    const inTime = taken.then(async (answer) => {
      if (late && answer.kind === 'fill') await cache.release(service, key, answer.token).catch(() => undefined);
      return answer;
    });
    const answer = await within(timers, ANSWER_MS, inTime);
    late = answer === undefined;
    return answer;
  }

  /** Undefined: what lies there cannot be read. */
  #read(body: Uint8Array, { subject }: Request): Landed | undefined {
    try {
      const cached = decodeCached(body, this.#needs.maxBodyBytes);
      this.hits += 1;
      return { cached, body, degraded: 'cache', over: NOTHING_TO_DO };
    } catch (thrown) {
      this.#needs.log.error({ evt: 'cache_entry_invalid', subject, reason: messageOf(thrown) }, 'taken for a miss');
      return undefined;
    }
  }

  async #fill(key: string, use: CacheUse, request: Request, next: Send, token: string | undefined): Promise<Landed> {
    const { cached, body, degraded } = await this.#ask(use, request, next);
    const { cache, log } = this.#needs;
    const { service: space, subject } = request;
    let kept: Promise<void> = NOTHING_TO_DO;
    if (body !== undefined) {
      const ttlMs = cached.ok ? use.ttlMs : use.errorsTtlMs;
      kept = cache.put({ space, key, body, ttlMs, token, maxEntries: use.maxEntries });
    } else if (token !== undefined) kept = cache.release(space, key, token);
    const over = kept.catch((thrown: unknown) =>
      log.debug({ evt: 'cache_put_failed', subject, reason: messageOf(thrown) }, 'the answer is not kept'),
    );
    return { cached, body, degraded, over };
  }

  async #ask(use: CacheUse, request: Request, next: Send): Promise<Omit<Landed, 'over'>> {
    this.misses += 1;
    const cached = await next(request).then(
      (value): Cached => ({ ok: true, value }),
      (thrown: unknown): Cached => ({ ok: false, error: asHomeostatError(thrown) }),
    );
    const { degraded } = request;
    return { cached, body: degraded === undefined ? this.#encode(cached, use, request) : undefined, degraded };
  }

  /** Undefined for what is not kept: failures for which no time is set or in which no handler ran, values that cannot travel. */
  #encode(cached: Cached, use: CacheUse, { subject }: Request): Uint8Array | undefined {
    if (!cached.ok && (use.errorsTtlMs === 0 || cached.error.outcome !== 'failed')) return undefined;
    try {
      return encodeCached(cached, this.#needs.maxBodyBytes);
    } catch (thrown) {
      this.#needs.log.debug({ evt: 'cache_put_failed', subject, reason: messageOf(thrown) }, 'the answer is not kept');
      return undefined;
    }
  }

  /** Waits while another node fills; answers how the flight ended when the caller's time did. */
  async #waited(pauseMs: number, request: Request): Promise<Landed | undefined> {
    const { timers, random = Math.random } = this.#needs;
    const { signal, subject, deadline } = request;
    const leftMs = deadline - timers.clock.now();
    await pause(timers, Math.min(leftMs, (pauseMs * (1 + random())) / 2), signal);
    if (signal?.aborted === true) return failed(new Aborted(subject, signal.reason, 'not-executed'));
    return timers.clock.now() < deadline ? undefined : failed(new CallTimeout(subject, leftMs, 'not-executed'));
  }
}

function failed(error: Aborted | CallTimeout): Landed {
  return { cached: { ok: false, error }, body: undefined, degraded: undefined, over: NOTHING_TO_DO };
}
