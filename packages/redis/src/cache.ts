/** The port `Cache`: one string for each answer, and two indexes for each space, by name and by end. */
import { createHash } from 'node:crypto';
import { nanoid } from 'nanoid';
import { BackendFull, type Cache, type CacheAnswer, type CachePut } from './core.ts';
import type { Ground } from './ground.ts';
import { cacheKeys, laneOfMailbox, type CacheKeys } from './keys.ts';
import { run } from './script.ts';

/** A longer key is kept as its beginning and a digest, bytes. */
const MOST_KEY_BYTES = 256;
/** How much of a long key stays readable, characters: a prefix up to here tells long keys apart, a longer one does not. */
const HEAD_CHARACTERS = 128;
/** Between the beginning of a long key and its digest. */
const DIGEST_MARK = '…#';
/** How long it is remembered that a prefix was invalidated, ms: no answer is being fetched for longer. */
const ROUND_LIFETIME_MS = 24 * 60 * 60 * 1_000;

export class RedisCache implements Cache {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async take(space: string, key: string, leaseMs: number): Promise<CacheAnswer> {
    const { answers, filling, rounds } = this.#keys(space);
    const name = nameOf(key);
    const answer = await run<Buffer | [token: Buffer] | 0>(
      this.#ground.command,
      'cachetake',
      [answers + name, filling + name, rounds],
      [nanoid(), milliseconds(leaseMs)],
      true,
    );
    if (answer === 0) return { kind: 'wait' };
    return Array.isArray(answer) ? { kind: 'fill', token: answer[0].toString() } : { kind: 'hit', body: answer };
  }

  async put({ space, key, body, ttlMs, token, maxEntries }: CachePut): Promise<void> {
    const { answers, filling, rounds, names, ends } = this.#keys(space);
    const name = nameOf(key);
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    try {
      await run<number>(
        this.#ground.command,
        'cacheput',
        [answers + name, filling + name, rounds, names, ends],
        [answers, name, bytes, milliseconds(ttlMs), token ?? '', maxEntries],
      );
    } catch (error) {
      // A full Redis keeps no answers, and whoever waits for this one shall ask the service.
      if (!(error instanceof BackendFull)) throw error;
      if (token !== undefined) await this.release(space, key, token);
    }
  }

  async release(space: string, key: string, token: string): Promise<void> {
    await run<number>(this.#ground.command, 'cacherelease', [this.#keys(space).filling + nameOf(key)], [token]);
  }

  async invalidate(space: string, what: { readonly key: string } | { readonly prefix: string }): Promise<number> {
    if ('key' in what) return (await this.#forget(space, 'one', nameOf(what.key)))[0];
    const { prefix } = what;
    const count = await this.#forgetAll(space, prefix);
    // What a prefix says beyond their heads is lost of long keys: all with this head go, the digest would not tell.
    return prefix.length <= HEAD_CHARACTERS ? count : count + (await this.#forgetAll(space, headOf(prefix)));
  }

  async #forgetAll(space: string, beginning: string): Promise<number> {
    let [count, more] = await this.#forget(space, 'many', beginning);
    while (more === '1') {
      const step = await this.#forget(space, 'more', beginning);
      count += step[0];
      more = step[1];
    }
    return count;
  }

  #forget(space: string, how: 'one' | 'many' | 'more', name: string): Promise<[count: number, more: string]> {
    const { answers, filling, rounds, names, ends } = this.#keys(space);
    return run(
      this.#ground.command,
      'cacheforget',
      [names, ends, rounds, filling + name],
      [answers, how, name, ROUND_LIFETIME_MS],
    );
  }

  #keys(space: string): CacheKeys {
    const { lanes } = this.#ground;
    return cacheKeys(this.#ground.lane(laneOfMailbox(space, lanes.length)), space);
  }
}

function headOf(key: string): string {
  return key.slice(0, HEAD_CHARACTERS) + DIGEST_MARK;
}

/** What stands in Redis for a key. */
function nameOf(key: string): string {
  if (Buffer.byteLength(key) <= MOST_KEY_BYTES) return key;
  return headOf(key) + createHash('sha256').update(key).digest('hex');
}

function milliseconds(value: number): number {
  return Math.max(1, Math.ceil(value));
}
