import type { Cache, CacheAnswer, CachePut } from '../../ports/cache.ts';
import { waitFor } from '../wait-for.ts';
import { bytesOf, textOf } from './basket.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

const SPACE = 'users';
const LEASE_MS = 10_000;

export function caching(promised: Promised): void {
  promised('what one node has put, another finds (S1-43)', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const token = await fills(a.link.cache, 'get:1');
    const body = bytesOf('one');
    await a.link.cache.put(answer('get:1', body, { token }));
    body.fill(0);
    const found = await b.link.cache.take(SPACE, 'get:1', LEASE_MS);
    t.is(textIn(found), 'one');
    if (found.kind === 'hit') found.body.fill(0);
    t.is(textIn(await b.link.cache.take(SPACE, 'get:1', LEASE_MS)), 'one', 'the bytes are the reader’s own');
    t.is((await b.link.cache.take('orders', 'get:1', LEASE_MS)).kind, 'fill', 'spaces do not mix');
  });

  promised(
    'of a hundred that miss at once one fills, and the others find what it put (S1-43, S4-25)',
    async (t, stage) => {
      const caches = [(await stage.peer('a')).link.cache, (await stage.peer('b')).link.cache];
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => (caches[index % 2] as Cache).take(SPACE, 'get:1', LEASE_MS)),
      );
      const fillers = answers.flatMap((one) => (one.kind === 'fill' ? [one.token] : []));
      t.is(fillers.length, 1);
      t.is(answers.filter(({ kind }) => kind === 'wait').length, 99);
      await caches[0]?.put(answer('get:1', bytesOf('one'), { token: fillers[0] }));
      t.is(textIn(await caches[1]?.take(SPACE, 'get:1', LEASE_MS)), 'one');
    },
  );

  promised('a lease that is given back, or over, goes to the next who asks', async (t, stage) => {
    const { cache } = (await stage.peer('a')).link;
    const first = await fills(cache, 'get:1');
    await cache.release(SPACE, 'get:1', 'another');
    t.is((await cache.take(SPACE, 'get:1', LEASE_MS)).kind, 'wait');
    await cache.release(SPACE, 'get:1', first);
    const second = await fills(cache, 'get:1', 30);
    await waitFor(async () => (await cache.take(SPACE, 'get:1', LEASE_MS)).kind === 'fill', {
      withinMs: DEADLINE_MS,
      what: 'the end of the lease',
    });
    await cache.put(answer('get:1', bytesOf('late'), { token: second }));
    t.is(textIn(await cache.take(SPACE, 'get:1', LEASE_MS)), 'late', 'a put whose lease is over still counts');
  });

  promised('an answer ends with its time, and a refresh makes it last', async (t, stage) => {
    const { cache } = (await stage.peer('a')).link;
    await cache.put(answer('short', bytesOf('soon gone'), { ttlMs: 60 }));
    await cache.put(answer('long', bytesOf('old'), { ttlMs: 60 }));
    await cache.put(answer('long', bytesOf('new')));
    await waitFor(async () => (await cache.take(SPACE, 'short', 1)).kind === 'fill', {
      withinMs: DEADLINE_MS,
      what: 'the end of the answer',
    });
    t.is(textIn(await cache.take(SPACE, 'long', LEASE_MS)), 'new');
  });

  promised('one key, those that begin alike, and a whole space are forgotten', async (t, stage) => {
    const a = (await stage.peer('a')).link.cache;
    const b = (await stage.peer('b')).link.cache;
    for (const key of ['get:1', 'get:2', 'get:10', 'list:*', 'list:[a]']) await a.put(answer(key, bytesOf(key)));
    await a.put({ ...answer('get:1', bytesOf('order')), space: 'orders' });
    t.is(await b.invalidate(SPACE, { key: 'get:1' }), 1);
    t.is(await b.invalidate(SPACE, { key: 'get:1' }), 0);
    t.is(textIn(await a.take(SPACE, 'get:10', LEASE_MS)), 'get:10');
    t.is(await b.invalidate(SPACE, { prefix: 'get:' }), 2);
    t.is((await a.take(SPACE, 'get:10', LEASE_MS)).kind, 'fill');
    t.is(textIn(await a.take(SPACE, 'list:*', LEASE_MS)), 'list:*');
    t.is(await b.invalidate(SPACE, { prefix: 'list:*' }), 1, 'a prefix is no pattern');
    t.is(await b.invalidate(SPACE, { prefix: '' }), 1);
    t.is(textIn(await a.take('orders', 'get:1', LEASE_MS)), 'order');
  });

  promised('what was fetched before an invalidation is not kept, and nobody waits for it', async (t, stage) => {
    const a = (await stage.peer('a')).link.cache;
    const b = (await stage.peer('b')).link.cache;
    for (const what of [{ key: 'get:1' }, { prefix: 'get:' }]) {
      const old = await fills(a, 'get:1');
      await b.invalidate(SPACE, what);
      await a.put(answer('get:1', bytesOf('old'), { token: old }));
      const token = await fills(b, 'get:1');
      await b.put(answer('get:1', bytesOf('new'), { token }));
      t.is(textIn(await a.take(SPACE, 'get:1', LEASE_MS)), 'new');
      t.is(await a.invalidate(SPACE, { key: 'get:1' }), 1);
    }
  });

  promised('of too many answers those that end soonest give way', async (t, stage) => {
    const { cache } = (await stage.peer('a')).link;
    for (const [key, ttlMs] of [
      ['third', 30_000],
      ['first', 10_000],
      ['fourth', 40_000],
      ['second', 20_000],
      ['fifth', 50_000],
    ] as const) {
      await cache.put(answer(key, bytesOf(key), { ttlMs, maxEntries: 3 }));
    }
    const found: string[] = [];
    for (const key of ['first', 'second', 'third', 'fourth', 'fifth']) {
      if ((await cache.take(SPACE, key, LEASE_MS)).kind === 'hit') found.push(key);
    }
    t.deepEqual(found, ['third', 'fourth', 'fifth']);
  });
}

async function fills(cache: Cache, key: string, leaseMs: number = LEASE_MS): Promise<string> {
  const taken = await cache.take(SPACE, key, leaseMs);
  if (taken.kind !== 'fill') throw new Error(`${key} was not to be filled: ${taken.kind}`);
  return taken.token;
}

function answer(key: string, body: Uint8Array, more: Partial<CachePut> = {}): CachePut {
  return { space: SPACE, key, body, ttlMs: 60_000, maxEntries: 1_000, ...more };
}

function textIn(taken: CacheAnswer | undefined): string | undefined {
  return taken?.kind === 'hit' ? textOf(taken.body) : taken?.kind;
}
