/** Shared state on Redis: hostile keys, a full server, answers that are lost, and revisions that outlive what they counted. */
import test from 'ava';
import type { StateAnswer, StateOperation, StateSet, StateStore } from '../src/core.ts';
import { laneOfMailbox } from '../src/keys.ts';
import { TestNode, until } from './house.ts';
import { Proxy } from './proxy.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

const SPACE = 'carts';
const SOON_MS = 2_000;
/** Bytes that msgpack reads as 1. */
const ONE = '\u0001';

let server: RedisServer;
let spaces = 0;
const space = (): string => `state-${process.pid}-${++spaces}`;
const keyOf = (ns: string, key: string): string => `{${ns}:0}:state:${SPACE}:${key}`;
const get = (key: string): StateOperation => ({ kind: 'get', key, renew: false });

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

function set(key: string, text: string, more: Partial<StateSet> = {}): StateSet {
  return { kind: 'set', key, body: Buffer.from(text), ...more };
}

async function one(state: StateStore, operation: StateOperation): Promise<StateAnswer | undefined> {
  return (await state.each(SPACE, [operation]))[0];
}

function revisionIn(answer: StateAnswer | undefined): number {
  return answer?.kind === 'written' ? answer.revision : answer?.kind === 'entry' ? answer.entry.revision : 0;
}

/** `code outcome` of what failed, else the kind. */
function told(answer: StateAnswer | undefined): string {
  return answer?.kind === 'failed' ? `${answer.error.code} ${answer.error.outcome}` : (answer?.kind ?? '');
}

test.serial('an entry is one key: revision, what it was set with, the bytes; nothing else stays behind', async (t) => {
  const ns = space();
  const { link } = await TestNode.connect(server.url, ns, 'node');
  const revision = revisionIn(await one(link.state, set('a:{b}', 'bytes', { ttlMs: 60_000 })));
  t.is(await server.client.get(keyOf(ns, 'a:{b}')), `${revision}:60000:bytes`);
  const lives = await server.client.pttl(keyOf(ns, 'a:{b}'));
  t.true(lives > 50_000 && lives <= 60_000);
  await one(link.state, set('ever', 'bytes'));
  t.is(await server.client.pttl(keyOf(ns, 'ever')), -1);
  t.is(
    await server.client.get(`{${ns}:0}:staterevision:${SPACE}`),
    String(revisionIn(await one(link.state, get('ever')))),
  );
  for (const key of ['a:{b}', 'ever']) await one(link.state, { kind: 'delete', key });
  t.deepEqual(await server.client.keys(`{${ns}:*`), [`{${ns}:0}:staterevision:${SPACE}`]);
  t.true((await server.client.pttl(`{${ns}:0}:staterevision:${SPACE}`)) > 0, 'nor does the counter, for ever');
  await link.close();
});

test.serial('a key of another type fails alone, is left as it is, and may be deleted', async (t) => {
  const ns = space();
  const { link } = await TestNode.connect(server.url, ns, 'node');
  await server.client.hset(keyOf(ns, 'odd'), 'a', 'b');
  const operations: StateOperation[] = [
    get('odd'),
    set('odd', 'x'),
    set('odd', 'x', { when: 'absent' }),
    { kind: 'touch', key: 'odd' },
    set('even', 'x'),
    get('even'),
  ];
  const answers = await link.state.each(SPACE, operations);
  t.deepEqual(answers.map(told), [
    ...Array.from({ length: 4 }, () => 'TRANSPORT not-executed'),
    ...['written', 'entry'],
  ]);
  const [first] = answers;
  t.regex(first?.kind === 'failed' ? first.error.message : '', /another type/);
  const refused = link.state.all(SPACE, [set('even', 'y'), set('odd', 'y')]);
  t.like(await t.throwsAsync(refused), { code: 'TRANSPORT', outcome: 'not-executed' });
  const found = await one(link.state, get('even'));
  t.is(found?.kind === 'entry' && Buffer.from(found.entry.body).toString(), 'x', 'nothing of it was written');
  t.deepEqual(await server.client.hgetall(keyOf(ns, 'odd')), { a: 'b' });
  t.is(told(await one(link.state, { kind: 'delete', key: 'odd' })), 'done');
  t.is(told(await one(link.state, set('odd', 'x'))), 'written');
  await link.close();
});

test.serial('what is no entry is told by STATE_INVALID and left there; a set replaces it', async (t) => {
  const ns = space();
  const { link } = await TestNode.connect(server.url, ns, 'node');
  const hostile = [
    ...['', 'x', ':', '0:0:x', '-1:0:x', '1e3:0:x', '1::x', '1:x', '9007199254740993:0:x', `${'9'.repeat(60)}:0:x`],
    '1:'.padEnd(80, '9'),
  ];
  for (const text of hostile) {
    await server.client.set(keyOf(ns, 'k'), text);
    for (const operation of [get('k'), set('k', 'x', { when: { revision: 1 } }), { kind: 'touch', key: 'k' } as const])
      t.is(told(await one(link.state, operation)), 'STATE_INVALID failed', `${operation.kind} "${text}"`);
    t.is(told(await one(link.state, set('k', 'x', { when: 'absent' }))), 'refused', text);
    const checked = link.state.all(SPACE, [set('n', 'x'), { kind: 'check', key: 'k', revision: 1 }]);
    t.like(await t.throwsAsync(checked), { code: 'STATE_INVALID' });
    t.is(await server.client.get(keyOf(ns, 'k')), text);
    t.is(told(await one(link.state, get('n'))), 'none');
    t.is(told(await one(link.state, set('k', 'x'))), 'written');
    t.is(told(await one(link.state, get('k'))), 'entry');
  }
  // A counter and an entry that leave no room above them.
  for (const text of ['no number', '9'.repeat(15), '9'.repeat(40), String(2 ** 52), '-5'])
    for (const key of [`{${ns}:0}:staterevision:${SPACE}`, keyOf(ns, 'k')]) {
      await server.client.set(key, key.includes('revision') ? text : `${text}:0:x`);
      for (let round = 0; round < 2; round += 1) {
        const revision = revisionIn(await one(link.state, set('k', 'x')));
        t.true(Number.isSafeInteger(revision) && revision > 0, `${revision} after "${text}"`);
        t.is(revisionIn(await one(link.state, get('k'))), revision);
      }
    }
  await server.client.hset(`{${ns}:0}:staterevision:other`, 'a', 'b');
  t.is(told((await link.state.each('other', [set('k', 'x')]))[0]), 'written');
  await link.close();
});

test.serial('revisions grow over entries that are gone, and over a counter that is', async (t) => {
  const ns = space();
  const { link } = await TestNode.connect(server.url, ns, 'node');
  let last = 0;
  const losses = [
    () => one(link.state, { kind: 'delete', key: 'k' }),
    () => server.client.del(`{${ns}:0}:staterevision:${SPACE}`),
    () => server.client.flushall(),
    () => server.client.script('FLUSH'),
  ];
  for (const lose of losses) {
    const revision = revisionIn(await one(link.state, set('k', 'x')));
    t.true(revision > last, `${revision} after ${last}`);
    last = revision;
    await lose();
  }
  // As after a clock was set back by a day: the counter is ahead, and so is an entry.
  const ahead = last + 86_400_000_000;
  await server.client.set(`{${ns}:0}:staterevision:${SPACE}`, String(ahead));
  t.is(revisionIn(await one(link.state, set('k', 'x'))), ahead + 1);
  await server.client.del(`{${ns}:0}:staterevision:${SPACE}`);
  t.is(revisionIn(await one(link.state, set('k', 'x'))), ahead + 2);
  await link.close();
});

test.serial('a full Redis refuses what sets, and reads, touches and deletes on', async (t) => {
  const full = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
  const ns = space();
  const { link } = await TestNode.connect(full.url, ns, 'node');
  await link.state.each(SPACE, [set('k', 'x', { ttlMs: 60_000 }), set('gone', 'x')]);
  const revision = revisionIn(await one(link.state, get('k')));
  await full.client.config('SET', 'maxmemory', '1mb');
  await t.throwsAsync(full.client.set('more', 'x'), { message: /OOM/ });
  const mixed = await link.state.each(SPACE, [
    { kind: 'get', key: 'k', renew: true },
    set('new', 'x'),
    { kind: 'touch', key: 'k' },
    set('k', 'y'),
    { kind: 'ttl', key: 'k' },
    { kind: 'delete', key: 'gone' },
  ]);
  t.deepEqual(mixed.map(told), [
    ...['entry', 'BACKEND_FULL not-executed', 'done', 'BACKEND_FULL not-executed', 'lives', 'done'],
  ]);
  t.is(told(await one(link.state, set('new', 'x'))), 'BACKEND_FULL not-executed');
  const both = link.state.all(SPACE, [{ kind: 'delete', key: 'k' }, set('new', 'x')]);
  t.like(await t.throwsAsync(both), { code: 'BACKEND_FULL', outcome: 'not-executed' });
  t.is(revisionIn(await one(link.state, get('k'))), revision, 'nothing of it happened');
  t.is(told(await one(link.state, get('new'))), 'none');
  const less = await link.state.all(SPACE, [
    { kind: 'check', key: 'k', revision },
    { kind: 'delete', key: 'k' },
  ]);
  t.is(less.kind, 'done');
  await link.close();
  await full.end();
});

test.serial('an answer that is lost is unknown, and the write happened once; away is not executed', async (t) => {
  const ns = space();
  const proxy = new Proxy(server.port);
  await proxy.listen();
  const { link } = await TestNode.connect(proxy.url, ns, 'node');
  const other = await TestNode.connect(server.url, ns, 'other');
  let last = 0;
  for (let i = 0; i < 5; i += 1) {
    const cut = proxy.cutReplyTo(`value-${i}`);
    const writing =
      i % 2 === 0 ? link.state.each(SPACE, [set('k', `value-${i}`)]) : link.state.all(SPACE, [set('k', `value-${i}`)]);
    t.like(await t.throwsAsync(writing), { code: 'TRANSPORT', outcome: 'unknown' });
    await cut;
    t.like(await t.throwsAsync(link.state.each(SPACE, [get('k')])), { code: 'TRANSPORT', outcome: 'not-executed' });
    await link.ready(AbortSignal.timeout(SOON_MS));
    const found = await one(link.state, get('k'));
    t.is(found?.kind === 'entry' && Buffer.from(found.entry.body).toString(), `value-${i}`);
    const revision = revisionIn(found);
    t.true(revision > last);
    t.is(Number(await server.client.get(`{${ns}:0}:staterevision:${SPACE}`)), revision, 'written once');
    last = revision;
  }
  // Whoever compares finds its own write there, and writes no second time.
  const cut = proxy.cutReplyTo('swapped');
  const when = { revision: last };
  await t.throwsAsync(link.state.each(SPACE, [set('k', 'swapped', { when })]));
  await cut;
  await link.ready(AbortSignal.timeout(SOON_MS));
  const again = await one(link.state, set('k', 'swapped', { when }));
  t.is(again?.kind === 'entry' && Buffer.from(again.entry.body).toString(), 'swapped');
  t.is(revisionIn(await one(other.link.state, get('k'))), revisionIn(again));
  await link.close();
  await other.link.close();
  await proxy.close();
});

test.serial('a server that knows no script is taught it, whatever the order of what is asked', async (t) => {
  const { link } = await TestNode.connect(server.url, space(), 'node');
  await one(link.state, get('k'));
  await server.client.script('FLUSH');
  await one(link.state, get('k'));
  const [, found] = await link.state.each(SPACE, [set('k', ONE), get('k')]);
  t.is(found?.kind, 'entry', 'a set is before the get that follows it');
  await link.close();
});

test.serial('entries of a space lie in its lane, and end with their time by the server’s clock', async (t) => {
  const ns = space();
  const { link } = await TestNode.connect({ url: server.url, lanes: 4 }, ns, 'node');
  for (const name of ['alpha', 'beta', 'gamma', 'delta']) {
    await link.state.each(name, [set('k', 'x', { ttlMs: 80 })]);
    const key = `{${ns}:${laneOfMailbox(name, 4)}}:state:${name}:k`;
    t.is(await server.client.exists(key), 1);
    await until('its end', async () => (await server.client.exists(key)) === 0);
    t.is(told((await link.state.each(name, [get('k')]))[0]), 'none');
  }
  await link.close();
});

test.serial('a read and a write take a millisecond or so (S3-48)', async (t) => {
  const { link } = await TestNode.connect(server.url, space(), 'node');
  const body = 'x'.repeat(200);
  for (const operation of [set('k', body), get('k')]) {
    const times: number[] = [];
    for (let i = 0; i < 300; i += 1) {
      const at = performance.now();
      await one(link.state, operation);
      times.push(performance.now() - at);
    }
    times.sort((x, y) => x - y);
    t.log(`${operation.kind}: median ${times[150]?.toFixed(2)} ms, p99 ${times[297]?.toFixed(2)} ms`);
    t.true((times[150] ?? Infinity) < 5);
  }
  await link.close();
});
