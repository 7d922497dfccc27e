/** Shared breakers on Redis: one truth for all nodes, the sums of core, and what happens when nodes or data are lost. */
import { isDeepStrictEqual } from 'node:util';
import type * as PureBreakers from '../../core/src/breaker/breaker-state.ts';
import fc from 'fast-check';
import test from 'ava';
import type { BreakerPolicy, BreakerState, BreakerTally, Breakers } from '../src/core.ts';
import { TestNode, until } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

/** Core keeps its arithmetic to itself; tests run from dist/test. */
const pure = (await import(
  new URL('../../../core/dist/src/breaker/breaker-state.js', import.meta.url).href
)) as typeof PureBreakers;

const POLICY: BreakerPolicy = {
  failureThreshold: 5,
  failureRate: 0.5,
  minCalls: 20,
  windowMs: 60_000,
  successThreshold: 2,
  openMs: 30_000,
  maxOpenMs: 600_000,
  rampMs: 10_000,
  quorum: 1,
};
const BRIEF: BreakerPolicy = { ...POLICY, openMs: 40, rampMs: 0 };
const LEASE_MS = 5_000;

let server: RedisServer;
let spaces = 0;
const space = (): string => `breakers-${process.pid}-${++spaces}`;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

function failures(count: number, probe?: string): BreakerTally {
  return { successes: 0, failures: count, trailingFailures: count, probe };
}

function successes(count: number, probe?: string): BreakerTally {
  return { successes: count, failures: 0, trailingFailures: 0, probe };
}

async function two(ns: string): Promise<readonly [TestNode, TestNode]> {
  return [await TestNode.joined(server.url, ns, 'a'), await TestNode.joined(server.url, ns, 'b')];
}

async function seen(breakers: Breakers, name: string): Promise<BreakerState | undefined> {
  return (await breakers.all()).find((state) => state.name === name);
}

async function granted(breakers: Breakers, name: string, policy: BreakerPolicy, by = 'tester'): Promise<string> {
  let token = '';
  await until(`the probe of ${name}`, async () => {
    const answer = await breakers.probe(name, LEASE_MS, policy, by);
    if (answer.kind === 'granted') ({ token } = answer);
    return answer.kind === 'granted';
  });
  return token;
}

/** Commands that ran inside scripts and outside, since the last look. */
async function commandCalls(): Promise<number> {
  const info = await server.client.info('commandstats');
  const counts = [...info.matchAll(/^cmdstat_(?!info|config|evalsha|eval:)[^:]+:calls=(\d+)/gm)];
  return counts.reduce((sum, [, calls]) => sum + Number(calls), 0);
}

test.serial(
  'three failures on one node and two on another open it for both, and both are told (S3-23, S1-19)',
  async (t) => {
    const [a, b] = await two(space());
    await a.link.breakers.record('shop.buy', failures(3), POLICY, a.id);
    t.is((await b.link.breakers.record('shop.buy', failures(1), POLICY, b.id)).phase, 'closed');
    const state = await b.link.breakers.record('shop.buy', failures(1), POLICY, b.id);
    t.like(state, {
      phase: 'open',
      changes: 1,
      openings: 1,
      failuresInRow: 5,
      windowFailures: 5,
      failures: 5,
      by: b.id,
    });
    t.is(state.reason, '5 failures in a row');
    t.true(Math.abs(state.openUntil - (a.link.now() + POLICY.openMs)) < 1_000);
    for (const node of [a, b]) {
      await until('the news', () => node.news.some(({ kind }) => kind === 'breaker'));
      const item = node.news.find(({ kind }) => kind === 'breaker');
      t.is(item?.id, 'shop.buy');
      t.deepEqual(item?.body, state);
    }
    t.deepEqual(await seen(a.link.breakers, 'shop.buy'), state);
    await a.end();
    await b.end();
  },
);

test.serial(
  'closed, open, half open and closed again, as seen from another node, and each turn is news once (S3-18, S1-18)',
  async (t) => {
    const ns = space();
    const [a, b] = await two(ns);
    const [here, there] = [a.link.breakers, b.link.breakers];
    const phase = async (): Promise<string | undefined> => (await seen(there, 'life'))?.phase;
    await here.record('life', failures(1), BRIEF, a.id);
    t.is(await phase(), 'closed');
    await here.record('life', failures(4), BRIEF, a.id);
    t.is(await phase(), 'open');
    const refused = await there.probe('life', LEASE_MS, { ...BRIEF, openMs: 40 }, b.id);
    t.is(refused.kind, 'refused');
    const first = await granted(here, 'life', BRIEF, a.id);
    t.is(await phase(), 'half_open');
    await here.record('life', successes(1, first), BRIEF, a.id);
    t.is(await phase(), 'half_open', 'it takes two');
    const second = await granted(there, 'life', BRIEF, b.id);
    await there.record('life', successes(1, second), BRIEF, b.id);
    t.like(await seen(here, 'life'), { phase: 'closed', changes: 3, openUntil: 0, failuresInRow: 0 });
    const turns = (): unknown[] => b.news.filter(({ kind }) => kind === 'breaker').map(({ body }) => body);
    await until('three turns', () => turns().length === 3);
    t.deepEqual(
      turns().map((body) => (body as BreakerState).phase),
      ['open', 'half_open', 'closed'],
    );
    await a.end();
    await b.end();
  },
);

test.serial('of fifty that ask over two nodes, one may try, and the next one after its outcome (S1-18)', async (t) => {
  const [a, b] = await two(space());
  await a.link.breakers.record('rush', failures(5), BRIEF, a.id);
  await until(
    'its time to be over',
    async () => ((await seen(a.link.breakers, 'rush'))?.openUntil ?? 0) < a.link.now() - 5,
  );
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      (i % 2 === 0 ? a : b).link.breakers.probe('rush', LEASE_MS, BRIEF, `caller-${i}`),
    ),
  );
  t.is(answers.filter(({ kind }) => kind === 'granted').length, 1);
  const waiting = answers.find((answer) => answer.kind === 'refused');
  t.true((waiting?.kind === 'refused' ? waiting.retryAt : 0) > a.link.now());
  const winner = answers.find((answer) => answer.kind === 'granted');
  const token = winner?.kind === 'granted' ? winner.token : '';
  t.is(
    (await a.link.breakers.record('rush', failures(1, 'another'), BRIEF, a.id)).phase,
    'half_open',
    'no probe of it',
  );
  const again = await b.link.breakers.record('rush', failures(1, token), BRIEF, b.id);
  t.like(again, { phase: 'open', openings: 2, reason: 'the probe failed' });
  t.true(again.openUntil - again.changedAt === 2 * BRIEF.openMs, 'twice as long');
  await a.end();
  await b.end();
});

test.serial('a lease that is given back, or whose holder died, goes to the next who asks (S1-18)', async (t) => {
  const node = await TestNode.joined(server.url, space(), 'node');
  const { breakers } = node.link;
  await breakers.record('held', failures(5), BRIEF, node.id);
  const first = await granted(breakers, 'held', BRIEF);
  await breakers.release('held', 'not mine');
  t.is((await breakers.probe('held', LEASE_MS, BRIEF, 'x')).kind, 'refused');
  await breakers.release('held', first);
  t.is((await breakers.probe('held', 50, BRIEF, 'about to die')).kind, 'granted');
  await granted(breakers, 'held', BRIEF);
  t.is((await seen(breakers, 'held'))?.changes, 2, 'half open all the while');
  await breakers.release('nobody knows it', first);
  await node.end();
});

test.serial('counts are exact from any node, and a reset makes them nothing (S3-19)', async (t) => {
  const [a, b] = await two(space());
  for (let i = 0; i < 10; i += 1) await (i % 2 === 0 ? a : b).link.breakers.record('sums', successes(10), POLICY, 'x');
  for (let i = 0; i < 2; i += 1) await a.link.breakers.record('sums', failures(2), POLICY, 'x');
  const sums = {
    successes: 100,
    failures: 4,
    windowSuccesses: 100,
    windowFailures: 4,
    phase: 'closed',
    failuresInRow: 4,
  };
  t.like(await seen(a.link.breakers, 'sums'), sums);
  t.like(await seen(b.link.breakers, 'sums'), sums);
  const reset = await a.link.breakers.force('sums', { to: 'reset', reason: 'clean slate', by: 'ann' });
  t.like(reset, { successes: 0, failures: 0, windowSuccesses: 0, windowFailures: 0, failuresInRow: 0, by: 'ann' });
  t.deepEqual(await seen(b.link.breakers, 'sums'), reset);
  await a.end();
  await b.end();
});

test.serial('opened by hand it holds for all, tells who did it, and closes by itself at its end (S3-20)', async (t) => {
  const [a, b] = await two(space());
  const opened = await a.link.breakers.force('hand', { to: 'open', reason: 'deploying', by: 'ann', ttlMs: 150 });
  t.like(opened, { phase: 'open', manual: true, reason: 'deploying', by: 'ann' });
  const at = performance.now();
  await until('the news', () => b.news.some(({ id }) => id === 'hand'));
  t.true(performance.now() - at < 1_000);
  t.like(await b.link.breakers.record('hand', successes(50), POLICY, b.id), { phase: 'open', manual: true });
  t.is((await b.link.breakers.probe('hand', LEASE_MS, POLICY, b.id)).kind, 'refused');
  await until('its end', async () => (await seen(b.link.breakers, 'hand'))?.phase === 'closed');
  t.like(await b.link.breakers.record('hand', successes(1), POLICY, b.id), {
    phase: 'closed',
    manual: false,
    changes: 2,
  });
  const forever = await a.link.breakers.force('hand', { to: 'open', reason: 'broken', by: 'ann' });
  t.is(forever.openUntil, Number.MAX_SAFE_INTEGER);
  const refused = await b.link.breakers.probe('hand', LEASE_MS, POLICY, b.id);
  t.is(refused.kind === 'refused' ? refused.retryAt : 0, Number.MAX_SAFE_INTEGER);
  t.like(await b.link.breakers.force('hand', { to: 'closed', reason: 'mended', by: 'bob' }), {
    phase: 'closed',
    by: 'bob',
  });
  await a.end();
  await b.end();
});

test.serial('with every node gone it is half open when its time comes, for whoever asks first (S3-25)', async (t) => {
  const ns = space();
  const old = await TestNode.joined(server.url, ns, 'old');
  const policy = { ...BRIEF, openMs: 1_500 };
  const { openUntil } = await old.link.breakers.record('alone', failures(5), policy, old.id);
  await old.end();
  const young = await TestNode.joined(server.url, ns, 'young');
  t.is((await seen(young.link.breakers, 'alone'))?.openUntil, openUntil);
  const early = await young.link.breakers.probe('alone', LEASE_MS, policy, young.id);
  t.is(early.kind === 'refused' ? early.retryAt : 0, openUntil);
  await granted(young.link.breakers, 'alone', policy);
  const state = await seen(young.link.breakers, 'alone');
  t.is(state?.phase, 'half_open');
  t.true((state?.changedAt ?? 0) >= openUntil);
  await young.end();
});

test.serial('what Redis forgot is put back from the copy of a node, for all, and is news (S3-23)', async (t) => {
  const ns = space();
  const [a, b] = await two(ns);
  const known = await a.link.breakers.record('lost', failures(5), POLICY, a.id);
  await server.client.unlink(`{${ns}:0}:breaker:lost`, `{${ns}:0}:breakers`);
  t.deepEqual(await b.link.breakers.all(), []);
  const back = await a.link.breakers.record('lost', failures(1), POLICY, a.id, known);
  t.like(back, { phase: 'open', openUntil: known.openUntil, openings: 1, changes: known.changes, failures: 6 });
  t.deepEqual(await seen(b.link.breakers, 'lost'), back);
  await until('the news of both', () => b.news.filter(({ id }) => id === 'lost').length === 2);
  // Begun anew by somebody who knew nothing of it: who knows more is right.
  await server.client.unlink(`{${ns}:0}:breaker:lost`);
  t.is((await b.link.breakers.record('lost', failures(1), POLICY, b.id)).changes, 0);
  t.like(await a.link.breakers.record('lost', successes(1), POLICY, a.id, back), {
    phase: 'open',
    changes: back.changes,
  });
  // A copy that is older than what is kept changes nothing.
  const closed = await b.link.breakers.force('lost', { to: 'closed', reason: 'mended', by: 'bob' });
  t.like(await a.link.breakers.record('lost', successes(1), POLICY, a.id, back), {
    phase: 'closed',
    changes: closed.changes,
  });
  await a.end();
  await b.end();
});

test.serial(
  'it opens for as many distinct nodes as the quorum asks for, and not for one that fails alone',
  async (t) => {
    const node = await TestNode.connect(server.url, space(), 'node');
    const policy = { ...POLICY, quorum: 50 };
    const fail = (by: number): Promise<BreakerState> =>
      node.link.breakers.record('wide', failures(3), policy, `caller-${by}`);
    for (let round = 0; round < 2; round += 1)
      for (let by = 0; by < 49; by += 1) t.is((await fail(by)).phase, 'closed');
    t.is((await fail(49)).phase, 'open');
    await node.link.close();
  },
);

test.serial('every breaker ends by itself, an open one long after its time (S3-25)', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const hours = 60 * 60 * 1_000;
  const lives = async (name: string): Promise<number> => server.client.pttl(`{${ns}:0}:breaker:${name}`);
  await node.link.breakers.record('quiet', failures(1), POLICY, node.id);
  t.true((await lives('quiet')) > 5 * hours && (await lives('quiet')) <= 6 * hours);
  const week = 7 * 24 * hours;
  await node.link.breakers.record('long', failures(5), { ...POLICY, openMs: week, maxOpenMs: week }, node.id);
  t.true((await lives('long')) > week + 5 * hours);
  await node.link.breakers.force('stays', { to: 'open', reason: 'by hand', by: 'ann' });
  t.true((await lives('stays')) > 100 * 365 * 24 * hours);
  await server.client.unlink(`{${ns}:0}:breaker:quiet`);
  t.deepEqual((await node.link.breakers.all()).map(({ name }) => name).sort(), ['long', 'stays']);
  t.is(await server.client.zcard(`{${ns}:0}:breakers`), 2, 'its name went with it');
  await node.end();
});

test.serial('all of them are listed, page by page; one that never failed is none', async (t) => {
  const node = await TestNode.joined(server.url, space(), 'node');
  const names = Array.from({ length: 600 }, (_, i) => `service-${i}.method`);
  await Promise.all(names.map((name) => node.link.breakers.record(name, failures(1), POLICY, node.id)));
  await node.link.breakers.record('fine', successes(1), POLICY, node.id);
  t.deepEqual((await node.link.breakers.all()).map(({ name }) => name).sort(), [...names].sort());
  await node.end();
});

test.serial('a full Redis keeps its breakers', async (t) => {
  const full = await startRedis({ args: ['--maxmemory', '1mb', '--maxmemory-policy', 'noeviction'] });
  const node = await TestNode.connect(full.url, space(), 'node');
  await t.throwsAsync(full.client.set('more', 'x'), { message: /OOM/ });
  t.is((await node.link.breakers.record('full', failures(5), BRIEF, 'node')).phase, 'open');
  const token = await granted(node.link.breakers, 'full', BRIEF);
  await node.link.breakers.release('full', token);
  t.is((await node.link.breakers.force('full', { to: 'closed', reason: 'r', by: 'b' })).phase, 'closed');
  t.is((await node.link.breakers.all()).length, 1);
  await node.link.close();
  await full.end();
});

test.serial('names and words are bounded, and what lies in its place makes room', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const { breakers } = node.link;
  for (const name of ['', 'x'.repeat(257)]) {
    await t.throwsAsync(breakers.record(name, failures(1), POLICY, node.id), { code: 'CONFIG' });
  }
  const odd = 'a "quoted" näme/\u0000\\';
  const forced = await breakers.force(odd, { to: 'open', reason: '"'.repeat(1_000), by: 'y'.repeat(1_000) });
  t.is(forced.name, odd);
  t.is(forced.reason, '"'.repeat(256));
  t.is(forced.by.length, 256);
  const key = `{${ns}:0}:breaker:taken`;
  await server.client.set(key, 'by a stranger');
  t.is((await breakers.record('taken', failures(1), POLICY, node.id)).failures, 1);
  await server.client.hset(key, { window: 'no msgpack', failures: 'many', openUntil: '-1', changes: 'nan' });
  t.like(await breakers.record('taken', failures(1), POLICY, node.id), { failures: 1, windowFailures: 1, changes: 0 });
  await server.client.hset(key, { phase: 'ajar' });
  t.like(await breakers.record('taken', successes(1), POLICY, node.id), { phase: 'closed', failures: 0 });
  await node.end();
});

test.serial(
  'an outcome costs Redis four commands in one step; a transition is shared in milliseconds (S3-48)',
  async (t) => {
    const node = await TestNode.connect(server.url, space(), 'node');
    const { breakers } = node.link;
    await breakers.record('cheap', successes(1), POLICY, 'node');
    const before = await commandCalls();
    for (let i = 0; i < 100; i += 1) await breakers.record('cheap', successes(1), POLICY, 'node');
    const spent = (await commandCalls()) - before;
    t.true(spent <= 410, `${spent} commands for 100 outcomes`);
    const times: number[] = [];
    for (let i = 0; i < 200; i += 1) {
      const at = performance.now();
      t.is((await breakers.record(`turn-${i}`, failures(5), POLICY, 'node')).phase, 'open');
      times.push(performance.now() - at);
    }
    times.sort((x, y) => x - y);
    t.log(`transition: median ${times[100]?.toFixed(2)} ms, p99 ${times[198]?.toFixed(2)} ms`);
    t.true((times[100] ?? Infinity) < 5);
    await node.link.close();
  },
);

/** Takes `ms` off every time of a breaker that is kept: as if that much had passed. */
const AGE = `
local ms, forever = tonumber(ARGV[1]), 9007199254740991
if redis.call('EXISTS', KEYS[1]) == 0 then return end
for _, field in ipairs({ 'changedAt', 'openUntil', 'rampUntil', 'leaseUntil' }) do
  local at = tonumber(redis.call('HGET', KEYS[1], field))
  if at > 0 and at < forever then redis.call('HSET', KEYS[1], field, string.format('%.0f', at - ms)) end
end
local packed = redis.call('HGET', KEYS[1], 'window')
if packed ~= '' then
  local window = cmsgpack.unpack(packed)
  for i = 1, #window[2], 3 do window[2][i] = window[2][i] - ms end
  for i = 2, #window[3], 2 do window[3][i] = window[3][i] - ms end
  redis.call('HSET', KEYS[1], 'window', cmsgpack.pack(window))
end`;

/** A tenth of an hour: buckets of the window begin at its multiples on both clocks. */
const STEP_MS = 360_000;

type Step =
  | {
      readonly kind: 'record';
      readonly tally: readonly [number, number, number];
      readonly by: number;
      readonly own: boolean;
    }
  | { readonly kind: 'probe' | 'release' | 'lose' }
  | { readonly kind: 'pass'; readonly steps: number }
  | { readonly kind: 'force'; readonly to: 'open' | 'closed' | 'reset'; readonly ttlMs: number | undefined };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      tally: fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)),
      by: fc.nat(3),
      own: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('probe' as const, 'probe', 'probe', 'release', 'lose') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), steps: fc.constantFrom(1, 2, 3, 10) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('force' as const),
      to: fc.constantFrom('open' as const, 'closed', 'reset'),
      ttlMs: fc.constantFrom(undefined, 500_000),
    }),
  },
);

/** What chance seldom brings together: its time is over, somebody tries, and it works. */
const MEND: readonly Step[] = [
  { kind: 'pass', steps: 12 },
  { kind: 'probe' },
  { kind: 'record', tally: [1, 0, 0], by: 0, own: true },
  { kind: 'probe' },
  { kind: 'record', tally: [1, 0, 0], by: 1, own: true },
];
const history: fc.Arbitrary<readonly Step[]> = fc
  .array(fc.oneof({ weight: 8, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: fc.constant(MEND) }), {
    minLength: 10,
    maxLength: 40,
  })
  .map((parts) => parts.flat());

test.serial('the scripts do the sums of breaker-state.ts, over any history (S3-23)', async (t) => {
  const ns = space();
  const node = await TestNode.connect(server.url, ns, 'node');
  const { breakers } = node.link;
  let runs = 0;
  const policies = fc.record({
    failureThreshold: fc.integer({ min: 2, max: 12 }),
    failureRate: fc.constantFrom(0.3, 0.5, 1),
    minCalls: fc.integer({ min: 3, max: 30 }),
    windowMs: fc.constant(10 * STEP_MS),
    successThreshold: fc.integer({ min: 1, max: 3 }),
    openMs: fc.constantFrom(100_000, 600_000),
    maxOpenMs: fc.constant(4_000_000),
    rampMs: fc.constantFrom(0, 1_000_000),
    quorum: fc.integer({ min: 1, max: 3 }),
  });
  const property = fc.asyncProperty(policies, history, async (policy, steps) => {
    const name = `run-${++runs}`;
    let passed = 0;
    let token = 'none';
    const now = (): number => Math.round(node.link.now()) + passed;
    let model = pure.newBreaker(name, now());
    let copy: BreakerState | undefined;

    /** Times come from two clocks; what was counted is the same. */
    const compare = (found: BreakerState): void => {
      const expected = pure.toState(model, now());
      const near = (field: 'changedAt' | 'openUntil' | 'rampUntil'): boolean => {
        const [is, should] = [found[field], expected[field]];
        // A new breaker has turned when it was first looked at.
        if (field === 'changedAt' && found.changes === 0) return true;
        return should === 0 || should === pure.FOREVER ? is === should : Math.abs(is + passed - should) < 2_000;
      };
      const { changedAt, openUntil, rampUntil } = expected;
      for (const field of ['changedAt', 'openUntil', 'rampUntil'] as const)
        if (!near(field)) throw new Error(`${field}: ${found[field]} in Redis, ${expected[field]} in core`);
      const [is, should] = [{ ...found, changedAt, openUntil, rampUntil }, expected];
      if (!isDeepStrictEqual(is, should))
        throw new Error(`${JSON.stringify(is)} in Redis, ${JSON.stringify(should)} in core`);
      copy = found;
    };

    for (const step of steps) {
      switch (step.kind) {
        case 'record': {
          const [won, lost, trailing] = step.tally;
          const trailingFailures = won === 0 ? lost : Math.min(lost, trailing);
          const tally = { successes: won, failures: lost, trailingFailures, probe: step.own ? token : undefined };
          const by = `node-${step.by}`;
          const found = await breakers.record(name, tally, policy, by);
          model = pure.recorded(model, tally, policy, now(), by);
          compare(found);
          break;
        }
        case 'probe': {
          const answer = await breakers.probe(name, 100_000, policy, 'prober');
          if (answer.kind === 'granted') ({ token } = answer);
          const expected = pure.probed(model, 100_000, now(), 'prober', token);
          if (expected.answer.kind !== answer.kind) throw new Error(`${answer.kind} in Redis`);
          model = expected.breaker;
          compare(answer.state);
          break;
        }
        case 'release':
          await breakers.release(name, token);
          model = pure.released(model, token);
          break;
        case 'force': {
          const force = { to: step.to, reason: 'because', by: 'ann', ttlMs: step.ttlMs };
          const found = await breakers.force(name, force);
          model = pure.forced(model, force, now());
          compare(found);
          break;
        }
        case 'pass':
          passed += step.steps * STEP_MS;
          copy = undefined;
          await server.client.eval(AGE, 1, `{${ns}:0}:breaker:${name}`, step.steps * STEP_MS);
          break;
        case 'lose': {
          if (copy === undefined || copy.changes === 0) break;
          await server.client.unlink(`{${ns}:0}:breaker:${name}`);
          const shifted = { ...copy, changedAt: copy.changedAt + passed };
          if (copy.openUntil > 0 && copy.openUntil !== pure.FOREVER) shifted.openUntil += passed;
          const tally = { successes: 1, failures: 0, trailingFailures: 0 };
          const found = await breakers.record(name, tally, policy, 'node-0', copy);
          model = pure.recorded(pure.restored(shifted, now()), tally, policy, now(), 'node-0');
          compare(found);
          break;
        }
        default:
      }
    }
  });
  const { seed, failed, counterexample, errorInstance } = await fc.check(property, { numRuns: 150 });
  await node.link.close();
  t.log(`seed ${seed}`);
  t.false(failed, `seed ${seed}: ${JSON.stringify(counterexample)} ${String(errorInstance)}`);
});
