/** The retry budget on Redis: one for all nodes, the sums of core, and slots in turn. */
import type * as PureBucket from '../../core/src/resilience/retry-bucket.ts';
import fc from 'fast-check';
import test from 'ava';
import type { PermitRequest } from '../src/core.ts';
import { TestNode } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

/** Core keeps its arithmetic to itself; tests run from dist/test. */
const pure = (await import(
  new URL('../../../core/dist/src/resilience/retry-bucket.js', import.meta.url).href
)) as typeof PureBucket;

const TERMS: PermitRequest = { requests: 0, wanted: 0, ratio: 0.2, minPerSecond: 0, slots: 10, slotMs: 100 };

let server: RedisServer;
let spaces = 0;
const space = (): string => `permits-${process.pid}-${++spaces}`;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

test.serial('two nodes draw from one budget: a fifth of the first tries, and no more (S4-32)', async (t) => {
  const ns = space();
  const a = await TestNode.connect(server.url, ns, 'a');
  const b = await TestNode.connect(server.url, ns, 'b');
  let granted = 0;
  for (let i = 0; i < 10; i += 1) {
    for (const { link } of [a, b])
      granted += (await link.permits.take('shop', { ...TERMS, requests: 50, wanted: 50 })).granted;
  }
  t.is(granted, 200);
  t.deepEqual(await a.link.permits.take('shop', { ...TERMS, wanted: 5 }), { granted: 0, waitsMs: [] });
  t.is(
    (await a.link.permits.take('another', { ...TERMS, wanted: 5, minPerSecond: 1 })).granted,
    5,
    'a budget of its own',
  );
  t.is(
    (await b.link.permits.take('another', { ...TERMS, wanted: 50, minPerSecond: 1 })).granted,
    5,
    'what is left of ten',
  );
  await a.link.close();
  await b.link.close();
});

test.serial('slots are given out in turn over all nodes (S4-27)', async (t) => {
  const ns = space();
  const a = await TestNode.connect(server.url, ns, 'a');
  const b = await TestNode.connect(server.url, ns, 'b');
  const perSlot = new Map<number, number>();
  for (let i = 0; i < 100; i += 1) {
    const { waitsMs } = await (i % 3 === 0 ? a : b).link.permits.take('shop', {
      ...TERMS,
      minPerSecond: 100,
      wanted: 1,
    });
    for (const wait of waitsMs) perSlot.set(wait, (perSlot.get(wait) ?? 0) + 1);
  }
  t.deepEqual(
    [...perSlot.entries()].sort(([x], [y]) => x - y),
    Array.from({ length: 10 }, (_, i) => [i * 100, 10]),
  );
  const { waitsMs } = await a.link.permits.take('shop', { ...TERMS, minPerSecond: 100, wanted: 12 });
  t.deepEqual(waitsMs, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 0, 100]);
  await a.link.close();
  await b.link.close();
});

test.serial('a budget ends by itself, is had on a full Redis, and what is no budget counts as none', async (t) => {
  const ns = space();
  const node = await TestNode.connect(server.url, ns, 'node');
  await node.link.permits.take('shop', { ...TERMS, requests: 10, wanted: 1 });
  const key = `{${ns}:0}:retries:shop`;
  const lives = await server.client.pttl(key);
  t.true(lives > 10_000 && lives <= 20_000);
  await server.client.hset(key, { steady: 'much', at: 'once', granted: 'all', earnings: 'no msgpack' });
  t.deepEqual(await node.link.permits.take('shop', { ...TERMS, requests: 5, wanted: 9 }), { granted: 1, waitsMs: [0] });
  await node.link.close();
  const full = await startRedis({ args: ['--maxmemory', '1mb', '--maxmemory-policy', 'noeviction'] });
  const there = await TestNode.connect(full.url, ns, 'node');
  t.is((await there.link.permits.take('shop', { ...TERMS, minPerSecond: 1, wanted: 1 })).granted, 1);
  await there.link.close();
  await full.end();
});

/** Takes `ms` off every time of a budget that is kept, as if that much had passed. */
const AGE = `
local at = redis.call('HGET', KEYS[1], 'at')
if not at then return end
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', at - ARGV[1]))
local earnings = cmsgpack.unpack(redis.call('HGET', KEYS[1], 'earnings'))
for i = 1, #earnings, 2 do earnings[i] = earnings[i] - ARGV[1] end
redis.call('HSET', KEYS[1], 'earnings', cmsgpack.pack(earnings))`;

test.serial('the script does the sums of retry-bucket.ts, over any history (S4-32)', async (t) => {
  const node = await TestNode.connect(server.url, space(), 'node');
  const ns = `permits-${process.pid}-${spaces}`;
  let runs = 0;
  const draw = fc.record({
    requests: fc.nat(30),
    wanted: fc.nat(8),
    ratio: fc.constantFrom(0, 0.1, 0.2, 1),
    minPerSecond: fc.constantFrom(0, 0, 0.5, 3),
    seconds: fc.oneof(fc.constant(0), fc.nat(14)),
  });
  const property = fc.asyncProperty(fc.array(draw, { minLength: 2, maxLength: 30 }), async (draws) => {
    const service = `run-${++runs}`;
    const key = `{${ns}:0}:retries:${service}`;
    let passed = 0;
    let bucket: PureBucket.RetryBucket | undefined;
    for (const { seconds, ...terms } of draws) {
      passed += 1_000 * seconds;
      await server.client.eval(AGE, 1, key, 1_000 * seconds);
      const request = { ...terms, slots: 7, slotMs: 10 };
      const answer = await node.link.permits.take(service, request);
      // The moment at which the script looked at the clock.
      const now = Number(await server.client.hget(key, 'at')) + passed;
      const expected = pure.drawn(bucket ?? pure.newRetryBucket(request.minPerSecond, now), request, now);
      ({ bucket } = expected);
      const [is, should] = [JSON.stringify(answer), JSON.stringify(expected.answer)];
      if (is !== should) throw new Error(`${is} in Redis, ${should} in core`);
    }
  });
  const { seed, failed, counterexample, errorInstance } = await fc.check(property, { numRuns: 100 });
  await node.link.close();
  t.log(`seed ${seed}`);
  t.false(failed, `seed ${seed}: ${JSON.stringify(counterexample)} ${String(errorInstance)}`);
});
