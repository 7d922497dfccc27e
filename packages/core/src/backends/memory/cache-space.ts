import type { CacheAnswer, CachePut } from '../../ports/cache.ts';
import { Heap } from './heap.ts';

interface Answer {
  readonly body: Uint8Array;
  readonly until: number;
}

interface Lease {
  readonly number: number;
  readonly until: number;
  /** Fillers with a smaller number asked before the last invalidation: what they bring is old. */
  validFrom: number;
}

interface Ending {
  readonly key: string;
  readonly until: number;
}

/** Leases after which those that are over are looked for. */
const MANY_LEASES = 1_024;

/** The answers of one service. All times are backend time, ms. */
export class CacheSpace {
  readonly #answers = new Map<string, Answer>();
  readonly #leases = new Map<string, Lease>();
  /** Soonest first. An answer that is replaced or forgotten leaves its ending behind, as a stale one. */
  readonly #endings = new Heap<Ending>((a, b) => a.until < b.until);
  #lastNumber = 0;

  take(key: string, leaseMs: number, now: number): CacheAnswer {
    const answer = this.#answers.get(key);
    if (answer !== undefined && answer.until > now) return { kind: 'hit', body: new Uint8Array(answer.body) };
    const before = this.#leases.get(key);
    if (before !== undefined && before.until > now) return { kind: 'wait' };
    if (this.#leases.size > MANY_LEASES) this.#dropLeases(now);
    this.#lastNumber += 1;
    this.#leases.set(key, { number: this.#lastNumber, until: now + leaseMs, validFrom: before?.validFrom ?? 0 });
    return { kind: 'fill', token: String(this.#lastNumber) };
  }

  put({ key, body, ttlMs, token, maxEntries }: CachePut, now: number): void {
    const lease = this.#leases.get(key);
    if (lease !== undefined && token !== undefined) {
      if (String(lease.number) === token) this.#leases.delete(key);
      if (Number(token) < lease.validFrom) return;
    }
    const until = now + ttlMs;
    this.#answers.set(key, { body: new Uint8Array(body), until });
    this.#endings.push({ key, until });
    this.#makeRoom(maxEntries, now);
  }

  release(key: string, token: string): void {
    if (String(this.#leases.get(key)?.number) === token) this.#leases.delete(key);
  }

  invalidate(what: { readonly key: string } | { readonly prefix: string }, now: number): number {
    const meant = 'key' in what ? (key: string) => key === what.key : (key: string) => key.startsWith(what.prefix);
    for (const [key, lease] of this.#leases) if (meant(key)) lease.validFrom = this.#lastNumber + 1;
    let count = 0;
    for (const [key, { until }] of this.#answers) {
      if (!meant(key)) continue;
      this.#answers.delete(key);
      if (until > now) count += 1;
    }
    return count;
  }

  /** Drops what is over, and what ends soonest of too many. */
  #makeRoom(maxEntries: number, now: number): void {
    for (let next = this.#endings.peek(); next !== undefined; next = this.#endings.peek()) {
      const { key, until } = next;
      const stands = this.#answers.get(key)?.until === until;
      if (stands && until > now && this.#answers.size <= maxEntries) return;
      this.#endings.pop();
      if (stands) this.#answers.delete(key);
    }
  }

  #dropLeases(now: number): void {
    for (const [key, { until }] of this.#leases) if (until <= now) this.#leases.delete(key);
  }
}
