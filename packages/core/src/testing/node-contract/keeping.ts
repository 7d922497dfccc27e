import { z } from 'zod';
import type { ActorNode } from '../../node/node.ts';
import { waitFor } from '../wait-for.ts';
import { DEADLINE_MS, numbers, refusal, rejection, until, type Promised } from './stage.ts';

const Cart = z.object({ items: z.array(z.string()), at: z.coerce.date().optional() });

/** Of the row: the time to live, how often it is touched, and for how long, ms. */
const SLIDING_MS = 1_000;
const TOUCHED_MS = 500;
const LIVES_MS = 3_000;

export function keeping(promised: Promised): void {
  promised('state is shared by key: set, nx, xx, ttl, has, touch, delete (S3-39)', async (t, stage) => {
    const one = (await stage.node('one')).state('carts', { ttlMs: 60_000 });
    const two = (await stage.node('two')).state('carts');
    t.is(await two.get('a'), undefined);
    t.is(await two.set('a', { items: 0 }, { xx: true }), false);
    t.is(await one.set('a', { items: [1, null], when: new Date(7) }, { nx: true }), true);
    t.is(await two.set('a', 'x', { nx: true }), false);
    t.deepEqual(await two.get('a'), { items: [1, null], when: new Date(7) });
    t.is(await two.set('a', null, { xx: true }), true);
    t.is(await one.get('a'), null);
    t.is(await one.ttl('a'), Infinity, 'the other names no time to live');
    await one.set('a', 1);
    const left = (await two.ttl('a')) ?? 0;
    t.true(left > 30_000 && left <= 60_000);
    t.is(await one.touch('a', 120_000), true);
    t.true(((await one.ttl('a')) ?? 0) > 60_000);
    await one.set('a', 1, { ttlMs: Infinity });
    t.is(await one.ttl('a'), Infinity);
    t.deepEqual(await one.getMany(['b', 'a', 'b']), [undefined, 1, undefined]);
    t.deepEqual(await one.getMany([]), []);
    t.deepEqual([await one.has('a'), await one.has('b')], [true, false]);
    t.is(await two.delete('a'), true);
    t.is(await two.delete('a'), false);
    t.deepEqual([await one.ttl('a'), await one.touch('a'), await one.entry('a')], [undefined, false, undefined]);
    await one.set('brief', 1, { ttlMs: 30 });
    await until('its end', async () => !(await two.has('brief')));
    for (const key of ['x', 'k'.repeat(512), '{odd}:key ä😀']) {
      await one.set(key, key);
      t.is(await two.get(key), key);
    }
  });

  promised('what a value is compared by is its revision (S3-39)', async (t, stage) => {
    const one = (await stage.node('one')).state<string>('docs');
    const two = (await stage.node('two')).state<string>('docs');
    const first = await one.cas('d', 0, 'first');
    t.true(first.ok);
    t.deepEqual(await two.cas('d', 0, 'x'), { ok: false, revision: first.revision, value: 'first' });
    const second = await two.cas('d', first.revision, 'second');
    t.true(second.ok && second.revision > first.revision);
    t.deepEqual(await one.entry('d'), { value: 'second', revision: second.revision });
    await one.delete('d');
    t.deepEqual(await two.cas('d', second.revision, 'x'), { ok: false, revision: 0, value: undefined });
    const third = await two.cas('d', 0, 'second', { ttlMs: 60_000 });
    t.true(third.ok && third.revision > second.revision, 'a key does not come back to a revision it had');
    const counter = (await stage.node('three')).state<number>('counters');
    const add = async (): Promise<void> => {
      for (let entry = await counter.entry('n'); ; entry = await counter.entry('n'))
        if ((await counter.cas('n', entry?.revision ?? 0, (entry?.value ?? 0) + 1)).ok) return;
    };
    await Promise.all(numbers(10).map(add));
    t.is(await counter.get('n'), 10);
  });

  promised('a schema stands before what is set and behind what is read (S3-39)', async (t, stage) => {
    const node = await stage.node('one');
    const carts = node.state('carts', { schema: Cart });
    const raw = node.state('carts');
    await carts.set('a', { items: ['x'], at: '2026-01-01T00:00:00Z' });
    t.deepEqual(await raw.get('a'), { items: ['x'], at: '2026-01-01T00:00:00Z' }, 'the original is kept');
    const at = new Date('2026-01-01T00:00:00Z');
    t.deepEqual(await carts.get('a'), { items: ['x'], at });
    t.deepEqual((await carts.entry('a'))?.value.at, at);
    for (const wrong of [{ items: 7 }, undefined, null] as never[])
      t.true(['VALIDATION', 'SERIALIZATION'].includes((await rejection(carts.set('a', wrong))).code));
    t.deepEqual((await carts.get('a'))?.items, ['x'], 'nothing was written');
    await raw.set('b', { items: 7 });
    const unreadable = await rejection(carts.get('b'));
    t.is(unreadable.code, 'STATE_INVALID');
    t.deepEqual((unreadable.details as { key: string }).key, 'b');
    t.is((await rejection(carts.getMany(['a', 'b']))).code, 'STATE_INVALID');
    t.is((await rejection(carts.cas('b', 0, { items: [] }))).code, 'STATE_INVALID');
    t.deepEqual(await raw.get('b'), { items: 7 }, 'it is still there');
  });

  promised('what is wrong is refused at the door, and nothing is written', async (t, stage) => {
    const node = await stage.node('one', { maxBodyBytes: 2_000 });
    const carts = node.state('carts');
    for (const namespace of ['', 'a:b', 'x'.repeat(65), '{}', 7 as never])
      t.is((await refusal(() => node.state(namespace))).code, 'CONFIG');
    for (const options of [{ ttlMs: 0 }, { sliding: true }, { schema: {} }, { ttl: 5 }, { ttlMs: 1.5 }] as never[])
      t.is((await refusal(() => node.state('carts', options))).code, 'CONFIG');
    for (const key of ['', 'k'.repeat(513), '\ud800', 7 as never]) {
      t.is((await rejection(carts.get(key))).code, 'CONFIG');
      t.is((await rejection(carts.set(key, 1))).code, 'CONFIG');
    }
    for (const options of [{ nx: true, xx: true }, { ttlMs: -1 }, { px: 5 }] as never[])
      t.is((await rejection(carts.set('k', 1, options))).code, 'CONFIG');
    t.is((await rejection(carts.cas('k', -1, 1))).code, 'CONFIG');
    t.is((await rejection(carts.touch('k', 0))).code, 'CONFIG');
    t.is((await rejection(carts.getMany(numbers(1_001).map(String)))).code, 'CONFIG');
    const large = await rejection(carts.set('k', 'x'.repeat(2_000)));
    t.deepEqual([large.code, large.outcome], ['PAYLOAD_TOO_LARGE', 'not-executed']);
    t.is((await rejection(carts.set('k', () => 1))).code, 'SERIALIZATION');
    t.is((await rejection(carts.set('k', undefined))).code, 'SERIALIZATION');
    t.is((await rejection(carts.multi((tx) => tx.set('k', 1).set('', 2)))).code, 'CONFIG');
    t.is((await rejection(carts.multi((async () => undefined) as never))).code, 'CONFIG');
    t.is((await rejection(carts.pipeline(async () => undefined))).code, 'CONFIG');
    t.is(await carts.has('k'), false);
    const value = { count: 1 };
    const told = carts.set('k', value);
    value.count = 2;
    await told;
    t.deepEqual(await carts.get('k'), { count: 1 }, 'a value is frozen when it is set');
  });

  promised('a transaction happens whole or not at all (S3-41)', async (t, stage) => {
    const one = (await stage.node('one')).state<number>('accounts');
    const two = (await stage.node('two')).state<number>('accounts');
    await one.set('a', 10);
    const before = await one.entry('a');
    const paid = await two.multi((tx) => {
      tx.check('a', before?.revision ?? 0);
      tx.set('a', 7).set('b', 3, { ttlMs: 60_000 }).delete('c');
    });
    t.true(paid.ok);
    const revision = (await one.entry('a'))?.revision ?? 0;
    t.deepEqual(paid.ok && [paid.results[0], paid.results[1], paid.results[3]], [true, revision, false]);
    t.deepEqual(await one.getMany(['a', 'b', 'c']), [7, 3, undefined]);
    const late = await one.multi((tx) =>
      tx
        .set('a', 0)
        .delete('b')
        .check('a', before?.revision ?? 0),
    );
    t.deepEqual(late, { ok: false, key: 'a', revision });
    t.deepEqual(await two.getMany(['a', 'b']), [7, 3]);
    t.deepEqual(await two.multi((tx) => tx.set('n', 1).check('none', 5)), { ok: false, key: 'none', revision: 0 });
    t.is(await two.has('n'), false);
    t.deepEqual(await two.multi(() => undefined), { ok: true, results: [] });
  });

  promised('nobody sees half of a transaction, however many write and read (S3-41)', async (t, stage) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomFrom(seed);
    const writers = await Promise.all([stage.node('w1'), stage.node('w2')]);
    const readers = await Promise.all([stage.node('r1'), stage.node('r2')]);
    const spaces = (nodes: readonly ActorNode[]) => nodes.map((node) => node.state<number>('whole'));
    const keys = numbers(2 + Math.floor(random() * 7)).map((n) => `k${n}`);
    let left = 200;
    let seen = 0;
    const halves: string[] = [];
    const write = async (state: ReturnType<typeof spaces>[number]): Promise<void> => {
      while (left > 0) {
        const n = (left -= 1);
        // All hold the same, or nothing.
        await state.multi((tx) => {
          const gone = random() < 0.2;
          for (const key of shuffled(keys, random)) void (gone ? tx.delete(key) : tx.set(key, n));
        });
      }
    };
    const read = async (state: ReturnType<typeof spaces>[number]): Promise<void> => {
      for (; left > 0; seen += 1) {
        const values = await state.getMany(shuffled(keys, random));
        if (new Set(values).size !== 1) halves.push(JSON.stringify(values));
      }
    };
    const [w1, w2] = spaces(writers);
    const [r1, r2] = spaces(readers);
    const reading = [r1, r1, r1, r2, r2, r2].map((state) => read(state!));
    await Promise.all([w1, w1, w2, w2].map((state) => write(state!)));
    await Promise.all(reading);
    t.deepEqual(halves.slice(0, 3), [], `seed ${seed}`);
    t.true(seen >= 100, `seed ${seed}: ${seen} reads`);
  });

  promised('a hundred operations in one pipeline: in order, one failing loses no other (S3-42)', async (t, stage) => {
    const state = (await stage.node('one')).state('lines');
    const results = await state.pipeline((p) => {
      for (const n of numbers(100)) {
        if (n === 40) p.set('k', () => 'cannot travel');
        else if (n === 41) p.get('');
        else if (n % 2 === 0) p.set(`k${n}`, n);
        else p.get(`k${n - 1}`);
      }
    });
    t.is(results.length, 100);
    for (const [n, result] of results.entries()) {
      if (n === 40 || n === 41) t.is(result.ok ? '' : result.error.code, n === 40 ? 'SERIALIZATION' : 'CONFIG');
      else t.deepEqual(result, { ok: true, value: n % 2 === 0 ? true : n - 1 });
    }
    const [had, swapped, left, gone] = await state.pipeline((p) => [
      p.has('k0'),
      p.cas('k0', 1, 'x'),
      p.ttl('k0'),
      p.delete('k0'),
    ]);
    t.deepEqual(
      [had, left, gone].map((result) => result.ok && result.value),
      [true, Infinity, true],
    );
    t.is(swapped.ok && swapped.value.ok, false);
    t.deepEqual(await state.pipeline(() => []), []);
    t.is((await rejection(state.pipeline((p) => numbers(1_001).map((n) => p.get(`k${n}`))))).code, 'CONFIG');
  });

  promised('a session lives as long as it is touched, and no longer (S3-43)', async (t, stage) => {
    const node = await stage.node('one');
    const sessions = node.state<string>('session', { ttlMs: SLIDING_MS, sliding: true });
    // A machine that stood still for longer than the session lives has to try again.
    for (let attempt = 1; ; attempt += 1) {
      await sessions.set('active', 'a');
      const set = performance.now();
      await sessions.set('idle', 'b');
      let longest = 0;
      let ended = Infinity;
      for (let last = set, turn = 1; last - set < LIVES_MS; turn += 1) {
        if (ended === Infinity && !(await sessions.has('idle'))) ended = performance.now() - set;
        const due = set + turn * TOUCHED_MS;
        await waitFor(() => performance.now() >= due, { withinMs: DEADLINE_MS, what: 'the next touch' });
        const found = turn % 2 === 0 ? await sessions.get('active') : await sessions.touch('active');
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        if (longest < SLIDING_MS) t.true(found === 'a' || found === true, `turn ${turn}`);
      }
      if (longest >= SLIDING_MS && attempt < 5) continue;
      t.true(longest < SLIDING_MS, `a machine too busy to touch in time: ${longest} ms`);
      t.true(ended >= SLIDING_MS - 1 && ended < SLIDING_MS + TOUCHED_MS + longest, `it ended after ${ended} ms`);
      break;
    }
    await until('the end of what nobody touches', async () => !(await sessions.has('active')));
  });
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
