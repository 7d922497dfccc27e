/** The alerts of Redis: on a full server, over cuts, beside what others wrote, and against those of memory. */
import { memory } from '@homeostat/core';
import fc from 'fast-check';
import test from 'ava';
import type { AlertStore, CommitResult, Link, PermitAsk, SlotChange } from '../src/core.ts';
import { quietLog } from '../src/quiet-log.ts';
import { QUICK, TestNode, until } from './house.ts';
import { Proxy } from './proxy.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `alerts-${process.pid}-${++spaces}`;
const NOTICE = { alertId: 'id', group: 'pager', notice: 1 };
const ASK: PermitAsk = { name: 'shop', limit: 1, windowMs: 1_000 };
/** Outlives every trouble that a test makes. */
const LASTING = { ...QUICK, ttlMs: 30_000 };

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

function change(given: Partial<SlotChange> = {}): SlotChange {
  return { fingerprint: 'f', expected: 0, body: { n: 1 }, alertId: 'id', event: 'raised', ...given };
}

async function commit(alerts: AlertStore, given: Partial<SlotChange> = {}): Promise<number> {
  const [result] = await alerts.commit([change(given)]);
  if (result?.kind !== 'committed') throw new Error(JSON.stringify(result));
  return result.revision;
}

const fingerprints = async (alerts: AlertStore): Promise<string[]> =>
  (await alerts.live()).slots.map(({ fingerprint }) => fingerprint).toSorted();

test.serial('keys that somebody overwrote heal, and replies reach a node meanwhile', async (t) => {
  const ns = space();
  const lane = `{${ns}:0}:`;
  const node = await TestNode.joined(server.url, ns, 'node');
  const { alerts, broker } = node.link;
  const names = ['alerts', 'alerts:due', 'alerts:archive', 'alerts:log', 'alertclaims:id', 'alertpermit:shop'];
  for (const name of [...names, 'alertburst:shop', 'alertrate:r']) await server.client.set(lane + name, 'what?');
  await server.client.hset(`${lane}alerts:seq`, 'what', 'ever');
  t.deepEqual(await alerts.live(), { slots: [], seq: 0 });
  t.deepEqual(await alerts.due(1, 1), { fingerprints: [], nextAt: undefined });
  t.like(await t.throwsAsync(alerts.archived({ from: 0, to: 1, limit: 1 })), {
    code: 'TRANSPORT',
    outcome: 'not-executed',
  });
  await broker.reply(node.id, Buffer.from('reply'));
  await until('the reply', () => node.inbox.includes('reply'));
  const archive = { body: 'ended', keepMs: 1_000, at: 5_000 };
  await commit(alerts, { dueAt: 1, archive });
  t.deepEqual(await fingerprints(alerts), ['f']);
  t.deepEqual(await alerts.due(1, 1), { fingerprints: ['f'], nextAt: undefined });
  t.deepEqual(await alerts.archived({ from: 0, to: 9_000, limit: 9 }), ['ended']);
  t.deepEqual(await alerts.claim([NOTICE]), ['granted']);
  await alerts.finish([NOTICE], 'done');
  t.deepEqual(await alerts.claim([NOTICE]), ['done']);
  t.deepEqual(await alerts.permit([{ ...ASK, burst: 1 }, ASK], 1), [true, false]);
  t.is(await alerts.rate('r', 2, 1_000, 1), 2);
  await until('the log', () => node.alerts.length === 1, 10_000);
  await until('the beat to know', () => node.alertSeq === 1);
  await node.end();
});

test.serial('hostile texts are skipped and logged, and make room for what is true', async (t) => {
  const ns = space();
  const lane = `{${ns}:0}:`;
  const node = await TestNode.joined(server.url, ns, 'node');
  const { alerts } = node.link;
  const texts = [
    '',
    'x',
    '{}',
    '7:',
    '007:',
    `${'9'.repeat(16)}:[]`,
    '7:{',
    '7:[]',
    '7:["a"',
    '0:["a",1]',
    `${'9'.repeat(30)}:["a",1]`,
    ':["a",1]',
  ];
  for (const [i, text] of texts.entries()) await server.client.hset(`${lane}alerts`, `bad-${i}`, text);
  await commit(alerts);
  t.deepEqual(await fingerprints(alerts), ['f']);
  const invalid = (evt: string): number => node.warnings.filter((warning) => warning.includes(evt)).length;
  t.is(invalid('alert_slot_invalid'), texts.length);
  for (const i of texts.keys()) {
    const [met] = await alerts.commit([change({ fingerprint: `bad-${i}` })]);
    if (met?.kind !== 'conflict') continue;
    t.deepEqual(met.slot, { fingerprint: `bad-${i}`, revision: 7, body: null });
    t.is(await commit(alerts, { fingerprint: `bad-${i}`, expected: 7 }), 8);
  }
  t.is((await alerts.live()).slots.length, texts.length + 1);
  await server.client.zadd(`${lane}alerts:archive`, 1, 'x', 2, '1:{', 3, '1:{"n":1}');
  t.deepEqual(await alerts.archived({ from: 0, to: 9, limit: 9 }), [{ n: 1 }]);
  t.is(invalid('alert_archive_invalid'), 1);
  await server.client.hset(`${lane}alertclaims:id`, 'pager', 'x|y|z', 'other', '1|2');
  t.deepEqual(await alerts.claim([NOTICE, { ...NOTICE, group: 'other' }]), ['granted', 'granted']);
  await server.client.hset(`${lane}alertrate:r`, 'x', 'y', '0', '1.5', '-9', 'z');
  t.is(await alerts.rate('r', 1, 1_000, 100_000), 1);
  await server.client.zadd(`${lane}alerts:due`, 1, 'no such', 2, 'f', 3, 'nor this');
  t.deepEqual(await alerts.due(9, 1), { fingerprints: ['f'], nextAt: 9 });
  t.deepEqual(await alerts.due(9, 9), { fingerprints: ['f'], nextAt: 9 }, 'what a stray hid is asked for again');
  t.deepEqual(await alerts.due(9, 9), { fingerprints: ['f'], nextAt: undefined });
  await server.client.xadd(`${lane}alerts:log`, '*', 'k', 'raised', 'i', 'f', 'q', 'no number', 'b', '');
  await server.client.xadd(`${lane}alerts:log`, '*', 'what', 'ever');
  await until('both to be logged', () => invalid('news_invalid') > 0);
  await commit(alerts, { fingerprint: 'after' });
  await until('what came after', () => node.alerts.some(({ id }) => id === 'after'));
  t.like(await t.throwsAsync(alerts.commit([change({ body: () => 1 })])), { code: 'SERIALIZATION' });
  await node.end();
});

test.serial('all of it works on a full server', async (t) => {
  const full = await startRedis({ args: ['--maxmemory', '1mb', '--maxmemory-policy', 'noeviction'] });
  const ns = space();
  const node = await TestNode.joined(full.url, ns, 'node');
  t.is((await t.throwsAsync(node.send('any@1', 'x')))?.message.includes('memory'), true, 'it is full');
  const { alerts } = node.link;
  const revision = await commit(alerts, { dueAt: 5, archive: { body: 1, keepMs: 1_000, at: 1 } });
  await commit(alerts, { expected: revision, dueAt: 6 });
  t.deepEqual(await fingerprints(alerts), ['f']);
  t.deepEqual(await alerts.due(5, 9), { fingerprints: [], nextAt: 6 });
  t.deepEqual(await alerts.archived({ from: 0, to: 9, limit: 9 }), [1]);
  t.deepEqual(await alerts.claim([NOTICE]), ['granted']);
  await alerts.finish([NOTICE], 'done');
  t.deepEqual(await alerts.claim([NOTICE]), ['done']);
  t.deepEqual(await alerts.permit([{ ...ASK, burst: 1 }], 1), [true]);
  t.is(await alerts.rate('r', 1, 1_000, 1), 1);
  await until('the log', () => node.alerts.length === 2);
  await node.end();
  await full.end();
});

test.serial('a change leaves in the turn in which it is made: a blocked event loop does not hold it up', async (t) => {
  const ns = space();
  const node = await TestNode.joined({ url: server.url, beatThread: false }, ns, 'node', LASTING);
  const { alerts } = node.link;
  const revision = await commit(alerts);
  const later = alerts.commit([change({ expected: revision, body: { n: 2 } })]);
  const blockedFrom = Date.now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  await later;
  const [entry] = await server.client.xrevrange(`{${ns}:0}:alerts:log`, '+', '-', 'COUNT', 1);
  const delay = Number(entry?.[0].split('-')[0]) - blockedFrom;
  t.true(delay < 200, `written after ${delay} ms`);
  await node.end();
});

test.serial('no alert waits behind appends', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', LASTING);
  const { alerts, broker } = node.link;
  let revision = await commit(alerts);
  const frame = Buffer.alloc(4_096);
  let appended = 0;
  const appends = Array.from({ length: 3_000 }, async (_, i) => {
    await broker.append({ mailbox: 'busy@1', number: i + 1, frame, count: 1 });
    appended += 1;
  });
  await new Promise((resolve) => setImmediate(resolve));
  const before = appended;
  revision = await commit(alerts, { expected: revision, body: { n: 2 } });
  t.log(`${before} appends were answered when it was raised, ${appended} when it was kept`);
  t.true(appended < 1_500);
  await Promise.all(appends);
  await node.end();
});

test.serial('without its connection a change is refused at once; with the answer lost, it is found done', async (t) => {
  const ns = space();
  const proxy = new Proxy(server.port);
  await proxy.listen();
  const node = await TestNode.joined(proxy.url, ns, 'node', LASTING);
  const watcher = await TestNode.joined(server.url, ns, 'watcher', LASTING);
  const { alerts } = node.link;
  const cut = proxy.cutReplyTo('lost answer');
  const lost = alerts.commit([change({ body: 'lost answer' })]);
  t.like(await t.throwsAsync(lost), { code: 'TRANSPORT', outcome: 'unknown' });
  await cut;
  t.like(await t.throwsAsync(alerts.commit([change()])), { code: 'TRANSPORT', outcome: 'not-executed' });
  const ready = async (): Promise<boolean> => alerts.live().then(Boolean, () => false);
  await until('it to be back', ready);
  t.deepEqual(await alerts.commit([change({ body: 'again' })]), [
    { kind: 'conflict', slot: { fingerprint: 'f', revision: 1, body: 'lost answer' } },
  ]);
  proxy.cut();
  await commit(watcher.link.alerts, { fingerprint: 'meanwhile' });
  await until('what came meanwhile', () => node.alerts.some(({ id }) => id === 'meanwhile'));
  t.deepEqual(
    [...new Set(node.alerts.map(({ seq }) => seq))],
    watcher.alerts.map(({ seq }) => seq),
  );
  await until('it to be back', ready);
  proxy.mode('blackhole');
  const from = performance.now();
  t.like(await t.throwsAsync(alerts.commit([change({ fingerprint: 'dark' })])), { outcome: 'unknown' });
  t.true(performance.now() - from < 3_000, 'a half-open connection is given up soon');
  proxy.mode('pass');
  proxy.cut();
  await until('it to be back', ready);
  await node.end();
  await watcher.end();
  await proxy.close();
});

test.serial('an idle alert connection that is dead is found by a beat that fails', async (t) => {
  const ns = space();
  const proxy = new Proxy(server.port);
  await proxy.listen();
  const node = await TestNode.joined({ url: proxy.url, commandTimeoutMs: 300 }, ns, 'node', QUICK);
  await until('a few beats', () => node.beats > 2);
  proxy.mode('blackhole');
  await until('the loss to be noticed', () => node.warnings.some((warning) => warning.includes('"purpose":"alerts"')));
  t.like(await t.throwsAsync(node.link.alerts.live()), { outcome: 'not-executed' });
  proxy.mode('pass');
  proxy.cut();
  await node.end();
  await proxy.close();
});

test.serial('when nothing hurts there is no command but the beat', async (t) => {
  const own = await startRedis();
  const node = await TestNode.joined(own.url, space(), 'node', { ...QUICK, intervalMs: 50 });
  const revision = await commit(node.link.alerts);
  await commit(node.link.alerts, { expected: revision, body: undefined });
  await until('the log', () => node.alerts.length === 2);
  const beats = node.beats;
  await own.client.config('RESETSTAT');
  await until('forty beats', () => node.beats >= beats + 40);
  const info = await own.client.info('commandstats');
  const calls = new Map(
    [...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map((found) => [found[1], Number(found[2])]),
  );
  const sent = node.beats - beats;
  t.true(Math.abs((calls.get('evalsha') ?? 0) - sent) <= 2, `${calls.get('evalsha')} scripts with ${sent} beats`);
  for (const name of ['hscan', 'zadd', 'get', 'hset', 'xadd', 'xrevrange']) t.is(calls.get(name), undefined, name);
  t.true((calls.get('xread') ?? 0) <= 1, 'one blocking read for inbox, news and log');
  await node.end();
  await own.end();
});

test.serial('a hundred thousand changes of one alert take bounded memory', async (t) => {
  const own = await startRedis();
  const ns = space();
  const node = await TestNode.joined(own.url, ns, 'node', LASTING);
  const { alerts } = node.link;
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await own.client.info('memory'))?.[1]);
  const body = { text: 'x'.repeat(500) };
  let revision = await commit(alerts, { body, dueAt: 1 });
  const times = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 1_000) {
      const changes = Array.from({ length: 1_000 }, (_, i) =>
        change({ expected: revision + i, body, dueAt: done + i }),
      );
      t.true((await alerts.commit(changes)).every(({ kind }) => kind === 'committed'));
      revision += 1_000;
    }
  };
  await times(10_000);
  const few = await used();
  await times(90_000);
  const many = await used();
  t.log(`${few} bytes after 10,000, ${many} after 100,000`);
  t.true(many < 1.2 * few + 1_000_000);
  const kept = await own.client.xlen(`{${ns}:0}:alerts:log`);
  t.true(kept >= 5_000 && kept < 5_300, `${kept} items of the log`);
  t.is(await own.client.zcard(`{${ns}:0}:alerts:due`), 1);
  await until('all to be told', () => node.alerts.at(-1)?.seq === revision);
  await node.end();
  await own.end();
});

test.serial('a thousand alerts are read page by page, complete, while they change', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', LASTING);
  const { alerts } = node.link;
  const names = Array.from({ length: 1_000 }, (_, i) => `f${i}`);
  const raised = await alerts.commit(names.map((fingerprint) => change({ fingerprint, body: 0 })));
  const revisions = raised.map((result) => (result.kind === 'committed' ? result.revision : 0));
  const changing = alerts.commit(
    names.map((fingerprint, i) =>
      change({ fingerprint, expected: revisions[i] ?? 0, body: i % 2 === 0 ? undefined : 1 }),
    ),
  );
  const { slots, seq } = await alerts.live();
  await changing;
  const view = new Map(slots.map((slot) => [slot.fingerprint, slot]));
  t.is(view.size, slots.length, 'each once');
  await until('the log', () => node.alerts.at(-1)?.seq === 2_000);
  for (const { seq: number, id, body } of node.alerts) {
    const { revision, body: inner } = body as { readonly revision: number; readonly body?: unknown };
    if (number <= seq || revision <= (view.get(id)?.revision ?? 0)) continue;
    if (inner === undefined) view.delete(id);
    else view.set(id, { fingerprint: id, revision, body: inner });
  }
  t.is(view.size, 500);
  t.true([...view.values()].every(({ body }) => body === 1));
  await node.end();
});

test.serial('a large alert is not told but read; the archive is trimmed; what nobody needs has an end', async (t) => {
  const ns = space();
  const lane = `{${ns}:0}:`;
  const node = await TestNode.joined(server.url, ns, 'node');
  const { alerts } = node.link;
  const large = { text: 'é'.repeat(20_000) };
  await commit(alerts, { body: large });
  await until('the log', () => node.alerts.length === 1);
  t.is(node.alerts[0]?.body, null);
  t.deepEqual((await alerts.live()).slots[0]?.body, large);
  const archived = async (n: number): Promise<void> => {
    const archive = { body: n, keepMs: 100, at: n };
    await commit(alerts, { fingerprint: 'ended', body: undefined, archive });
  };
  await server.client.zadd(`${lane}alerts:archive`, ...Array.from({ length: 250 }, (_, i) => [i, `${i}:0`]).flat());
  for (const n of [1_000, 1_001, 1_002]) await archived(n);
  t.deepEqual(await alerts.archived({ from: 0, to: Infinity, limit: 9 }), [1_002, 1_001, 1_000]);
  await alerts.claim([NOTICE]);
  await alerts.permit([{ ...ASK, burst: 1 }], 1);
  await alerts.rate('r', 1, 1_000, 1);
  for (const key of ['alerts:archive', 'alertclaims:id', 'alertpermit:shop', 'alertburst:shop', 'alertrate:r']) {
    t.true((await server.client.pttl(lane + key)) > 0, key);
  }
  await commit(alerts, { expected: 1, body: undefined });
  t.deepEqual(await server.client.keys(`${lane}alertclaims:*`), []);
  t.is(await server.client.exists(`${lane}alerts`), 0);
  await node.end();
});

/** One node on memory. */
async function inMemory(backend: ReturnType<typeof memory>, name: string): Promise<Link> {
  const link = await backend.connect({ name, namespace: 'model', beat: LASTING, log: quietLog });
  const vitals = { inFlight: 0, load: 0, loopDelayMs: 0, memoryMb: 0, actors: {}, serviceMs: {}, checks: {} };
  const report = { name, pid: 1, host: 'h', startedAt: 0, status: 'healthy' as const, serves: {} };
  const nothing = (): void => undefined;
  await link.membership.join(
    { report: () => report, vitals: () => vitals },
    { evicted: nothing, inbox: nothing, news: nothing, alerts: nothing, beaten: nothing },
  );
  return link;
}

const name = fc.constantFrom('a', 'b', 'c');
/** Seconds: no key ends while a history runs. */
const moment = fc.nat(300).map((seconds) => seconds * 1_000);
const step = fc.oneof(
  fc.record({
    kind: fc.constant('commit' as const),
    fingerprint: name,
    stale: fc.constantFrom(0, 0, 0, 1),
    body: fc.constantFrom(undefined, 1, 'text', { list: [null] }),
    alertId: fc.constantFrom('x', 'y'),
    dueAt: fc.option(moment, { nil: undefined }),
    archive: fc.option(fc.record({ body: fc.nat(9), keepMs: fc.constantFrom(50_000, 200_000), at: moment }), {
      nil: undefined,
    }),
  }),
  fc.record({
    kind: fc.constantFrom('claim' as const, 'done' as const, 'released' as const),
    alertId: fc.constantFrom('x', 'y'),
    group: fc.constantFrom('g', 'h'),
    notice: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('due' as const), now: moment, limit: fc.integer({ min: 3, max: 5 }) }),
  fc.record({
    kind: fc.constant('archived' as const),
    from: moment,
    to: moment,
    limit: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({
    kind: fc.constant('permit' as const),
    ask: fc.record({
      name,
      limit: fc.nat(3),
      windowMs: fc.constant(100_000),
      burst: fc.option(fc.nat(2), { nil: undefined }),
    }),
    now: moment,
  }),
  fc.record({ kind: fc.constant('rate' as const), name, add: fc.nat(3), now: moment }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What nobody has raised is claimed, and a slot that is empty is emptied: the claim stands. */
const CLAIMED_AND_EMPTIED: [Step, number][] = [
  [{ kind: 'claim', alertId: 'x', group: 'h', notice: 3 }, 1],
  [
    { kind: 'commit', fingerprint: 'c', stale: 0, body: undefined, alertId: 'x', dueAt: undefined, archive: undefined },
    0,
  ],
  [{ kind: 'claim', alertId: 'x', group: 'h', notice: 1 }, 0],
];

test.serial('memory and Redis answer alike, over any history', async (t) => {
  let runs = 0;
  const property = fc.asyncProperty(
    fc.array(fc.tuple(step, fc.nat(1)), { minLength: 5, maxLength: 60 }),
    async (steps) => {
      const backend = memory();
      const ns = `${space()}-${++runs}`;
      const theirs = await Promise.all(['a', 'b'].map((node) => inMemory(backend, node)));
      const nodes = await Promise.all(
        ['a', 'b'].map((node) => TestNode.joined({ url: server.url, beatThread: false }, ns, node, LASTING)),
      );
      const revisions = new Map<string, number>();
      try {
        for (const [one, who] of steps) {
          const model = await answer(theirs[who]!.alerts, one, revisions);
          const real = await answer(nodes[who]!.link.alerts, one, revisions);
          if (JSON.stringify(model) !== JSON.stringify(real)) {
            throw new Error(
              `${JSON.stringify(one)}: ${JSON.stringify(model)} in memory, ${JSON.stringify(real)} in Redis`,
            );
          }
          const { slots, seq } = await theirs[0]!.alerts.live();
          const read = await nodes[0]!.link.alerts.live();
          const sorted = (all: typeof slots): unknown =>
            all.toSorted((x, y) => (x.fingerprint < y.fingerprint ? -1 : 1));
          if (JSON.stringify([sorted(slots), seq]) !== JSON.stringify([sorted(read.slots), read.seq]))
            throw new Error('slots');
          revisions.clear();
          for (const { fingerprint, revision } of slots) revisions.set(fingerprint, revision);
        }
      } finally {
        await Promise.all([...theirs.map((link) => link.close()), ...nodes.map((node) => node.end())]);
      }
    },
  );
  const { seed, failed, counterexample, errorInstance } = await fc.check(property, {
    numRuns: 40,
    endOnFailure: true,
    examples: [[CLAIMED_AND_EMPTIED]],
  });
  t.log(`seed ${seed}`);
  t.false(failed, `seed ${seed}: ${JSON.stringify(counterexample)} ${String(errorInstance)}`);
});

async function answer(alerts: AlertStore, one: Step, revisions: ReadonlyMap<string, number>): Promise<unknown> {
  switch (one.kind) {
    case 'commit': {
      const { stale, kind: _, ...given } = one;
      const expected = (revisions.get(given.fingerprint) ?? 0) + stale;
      return (await alerts.commit([change({ ...given, expected })])) satisfies readonly CommitResult[];
    }
    case 'claim':
      return alerts.claim([one]);
    case 'done':
    case 'released':
      return alerts.finish([one], one.kind);
    case 'due': {
      const { fingerprints: found, nextAt } = await alerts.due(one.now, one.limit);
      return [found.toSorted(), nextAt];
    }
    case 'archived':
      return alerts.archived(one);
    case 'permit':
      return alerts.permit([one.ask], one.now);
    case 'rate':
      return alerts.rate(one.name, one.add, 100_000, one.now);
  }
}
