/** Limits on Redis: the sums of core, and what lies there that nobody of us wrote. */
import type * as PureBucket from '../../core/src/limits/bucket.ts';
import type * as PurePlaces from '../../core/src/limits/places.ts';
import fc from 'fast-check';
import test from 'ava';
import { TestNode } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

/** Core keeps its arithmetic to itself; tests run from dist/test. */
const pure = async <Module>(file: string): Promise<Module> =>
  (await import(new URL(`../../../core/dist/src/limits/${file}.js`, import.meta.url).href)) as Module;
const { drawn } = await pure<typeof PureBucket>('bucket');
const { placesFor } = await pure<typeof PurePlaces>('places');

let server: RedisServer;
let spaces = 0;
const space = (): string => `limits-${process.pid}-${++spaces}`;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

const HOUR_MS = 3_600_000;

test.serial('a bucket on Redis and the sums of core agree over any run of draws', async (t) => {
  const ns = space();
  const { link } = await TestNode.connect(server.url, ns, 'node');
  const key = `{${ns}:0}:rate:shop:m`;
  const seed = Date.now() & 0xffff;
  t.log({ seed });
  const draw = fc.record({
    // So slow that the time a test takes earns nothing worth mentioning.
    perSecond: fc.constantFrom(0.001, 0.002, 0.004),
    burst: fc.integer({ min: 1, max: 20 }),
    wanted: fc.integer({ min: 0, max: 12 }),
    returned: fc.integer({ min: 0, max: 5 }),
    withinMs: fc.constantFrom(0, 1_000_000, 10_000_000),
  });
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(draw, { minLength: 1, maxLength: 12 }), async (draws) => {
      await server.client.del(key);
      let bucket: PureBucket.Bucket | undefined;
      for (const one of draws) {
        const expected = drawn(bucket, one, 1_000_000_000_000);
        const [answer] = await link.limits.draw('shop', [{ name: 'm', ...one }]);
        bucket = expected.bucket.spentUntil <= 1_000_000_000_000 ? undefined : expected.bucket;
        // What time has earned meanwhile may decide between two, at the edge.
        if (answer?.granted !== expected.answer.granted)
          return Math.abs(answer!.granted - expected.answer.granted) <= 1;
        compared += 1;
        if (Math.abs(answer.leadMs - expected.answer.leadMs) > 5_000) return false;
      }
      return true;
    }),
    { seed, numRuns: 60 },
  );
  await link.close();
  t.true(compared > 60, `${compared} draws were compared`);
});

test.serial('places on Redis and the sums of core agree, and never more are given than there are', async (t) => {
  const ns = space();
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => TestNode.joined(server.url, ns, name)));
  const seed = Date.now() & 0xffff;
  t.log({ seed });
  const step = fc.record({
    node: fc.integer({ min: 0, max: 2 }),
    wished: fc.integer({ min: 0, max: 8 }),
    ends: fc.integer({ min: 0, max: 8 }),
  });
  let run = 0;
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 20 }), async (max, steps) => {
      run += 1;
      const using = [0, 0, 0];
      const held = [0, 0, 0];
      const wishes = [0, 0, 0];
      for (const { node, wished, ends } of steps) {
        using[node] = Math.max(0, using[node]! - ends);
        const claim = { name: `m${run}`, max, using: using[node], wished: Math.max(wished, using[node]) };
        const [allowed] = await nodes[node]!.link.limits.share('shop', [claim]);
        const others = [0, 1, 2].filter((other) => other !== node && (held[other]! > 0 || wishes[other]! > 0));
        const stakes = others.map((other) => ({ id: nodes[other]!.id, held: held[other]!, wished: wishes[other]! }));
        const own = { id: nodes[node]!.id, held: claim.using, wished: claim.wished };
        const second = Math.floor(nodes[node]!.link.now() / 1_000);
        // The second may have turned between the two.
        const expected = [second - 1, second, second + 1].map((turn) => placesFor(max, own, stakes, turn));
        if (!expected.includes(allowed!)) return false;
        compared += 1;
        using[node] = Math.max(using[node], Math.min(allowed!, claim.wished));
        held[node] = Math.max(claim.using, allowed!);
        wishes[node] = claim.wished;
        if (using[0]! + using[1]! + using[2]! > max) return false;
      }
      return true;
    }),
    { seed, numRuns: 60 },
  );
  for (const node of nodes) await node.end();
  t.true(compared > 60, `${compared} claims were compared`);
});

test.serial('what nobody of us wrote is no limit, and a limit ends by itself', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const draw = { name: 'm', perSecond: 10, burst: 1, wanted: 1, returned: 0, withinMs: HOUR_MS };
  const claim = { name: 'm', max: 3, using: 0, wished: 3 };
  const [rate, places] = [`{${ns}:0}:rate:shop:m`, `{${ns}:0}:places:shop:m`];
  for (const text of ['', 'x y', 'nan nan', 'inf inf', '1e300 1e-300', '99999999999999 0', '-1 -1']) {
    await server.client.set(rate, text);
    const [answer] = await node.link.limits.draw('shop', [draw]);
    t.true(Number.isFinite(answer?.leadMs) && answer!.leadMs <= HOUR_MS + 1_000, text);
    t.true((await server.client.pttl(rate)) <= HOUR_MS + 2_000);
  }
  await server.client.del(rate);
  await server.client.lpush(rate, 'a list');
  t.deepEqual(await node.link.limits.draw('shop', [draw]), [{ granted: 1, leadMs: 0 }]);
  const lives = await server.client.pttl(rate);
  t.true(lives > 0 && lives <= 101, `${lives} ms`);

  await server.client.hset(places, { stranger: '3 3', [node.id]: 'many', other: '99999999999999999999 1' });
  t.deepEqual(await node.link.limits.share('shop', [claim]), [3]);
  t.deepEqual(Object.keys(await server.client.hgetall(places)), [node.id]);
  await server.client.del(places);
  await server.client.set(places, 'a text');
  t.deepEqual(await node.link.limits.share('shop', [claim]), [3]);
  t.true((await server.client.pttl(places)) > 0);
  t.deepEqual(await node.link.limits.share('shop', [{ ...claim, wished: 0 }]), [0]);
  t.is(await server.client.exists(places), 0, 'who wishes for nothing is not kept');
  await node.link.limits.draw('shop', [{ ...draw, name: `m/${'ü'.repeat(8_000)}` }]);
  const keys = await server.client.keys(`{${ns}:0}:rate:*`);
  t.true(
    keys.every((one) => one.length < 300),
    'a long name is kept as its digest',
  );
  await node.end();
});
