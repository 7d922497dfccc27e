/** The scripts: generated from their sources, one slot each, and what a second run of each does. */
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import type { BreakerPolicy, Claim, Link } from '../src/core.ts';
import { laneKeys, laneOfMailbox, laneOfNode, mailboxKeys, nodeKeys } from '../src/keys.ts';
import { scripts, type ScriptName } from '../src/scripts.ts';
import { LIMITS, TestNode, until, served as reported } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

/** Tests run from dist/test; the sources lie two folders up. */
const lua = new URL('../../lua/', import.meta.url);
let server: RedisServer;
let spaces = 0;
const space = (): string => `scripts-${process.pid}-${++spaces}`;

/** Opens for a moment. */
const BREAKER: BreakerPolicy = {
  failureThreshold: 1,
  failureRate: 0.5,
  minCalls: 20,
  windowMs: 10_000,
  successThreshold: 1,
  openMs: 20,
  maxOpenMs: 20,
  rampMs: 0,
  quorum: 1,
};

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

/** CRC16 (XMODEM) of the hash tag: the slot as Redis Cluster counts it. */
function slot(key: string): number {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  const hashed = open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % 16_384;
}

test('scripts.ts is what lua/generate.js makes of lua/*.lua', async (t) => {
  await t.notThrowsAsync(
    promisify(execFile)(process.execPath, [fileURLToPath(new URL('generate.js', lua)), '--check']),
  );
});

test('every script has its title page', async (t) => {
  for (const file of (await readdir(lua)).filter((name) => name.endsWith('.lua'))) {
    const text = await readFile(new URL(file, lua), 'utf8');
    t.regex(text, /^#!lua/, file);
    for (const word of ['GUARANTEE', 'KEYS', 'ARGV', 'RETURNS', 'RUN TWICE'])
      t.regex(text, new RegExp(`^-- ${word} `, 'm'), `${file}: ${word}`);
  }
});

test('Redis knows every script by the digest that is checked in', async (t) => {
  for (const [name, script] of Object.entries(scripts))
    t.is(await server.client.script('LOAD', script.lua), script.sha, name);
});

test('only what adds messages, cached answers or state is refused by a full server', async (t) => {
  const refused = Object.entries(scripts)
    .filter(([, script]) => /^#!lua\s*\n/.test(script.lua))
    .map(([name]) => name);
  t.deepEqual(refused, [
    'append',
    'appendall',
    'cacheput',
    'delay',
    'keyedcommit',
    'publish',
    'replay',
    'stateset',
    'topicfill',
  ] satisfies ScriptName[]);
});

test('the slot arithmetic of this test is that of Redis Cluster', (t) => {
  t.is(slot('123456789'), 0x31c3);
  t.is(slot('{user1000}.following'), slot('{user1000}.followers'));
  t.is(slot('foo{}{bar}'), slot('foo{}{bar}'));
  t.is(slot('foo{{bar}}zap'), slot('{bar'));
});

test('lanes are stable, spread, and one for all majors of an actor', (t) => {
  t.is(laneOfMailbox('users@1', 16), laneOfMailbox('users@2', 16));
  t.is(laneOfMailbox('users@1', 16), 3);
  t.is(laneOfNode('users', 16), 3);
  const used = new Set(Array.from({ length: 200 }, (_, i) => laneOfMailbox(`actor-${i}@1`, 16)));
  t.is(used.size, 16);
  const lane = laneKeys('ns', 3);
  const keys = [
    ...Object.values(lane),
    ...Object.values(mailboxKeys(lane, 'a@1')),
    ...Object.values(nodeKeys(lane, 'n')),
  ];
  t.is(new Set(keys.map(slot)).size, 1);
});

test.serial('every script that runs names keys of one slot only, and touches no other', async (t) => {
  const ns = space();
  const monitor = await server.client.monitor();
  t.teardown(() => monitor.disconnect());
  const ran = new Set<ScriptName>();
  const byDigest = new Map(Object.entries(scripts).map(([name, script]) => [script.sha, name as ScriptName]));
  // As MONITOR shows a text.
  const bare = (text: string): string => text.replaceAll(/\\n|[\n"\\]/g, '');
  const byText = new Map(Object.entries(scripts).map(([name, script]) => [bare(script.lua), name as ScriptName]));
  const crossing: string[] = [];
  let inside: { readonly name: ScriptName; readonly slots: ReadonlySet<number> } | undefined;
  // Known beforehand, so that nearly every run shows as EVALSHA.
  for (const script of Object.values(scripts)) await server.client.script('LOAD', script.lua);
  (monitor as unknown as NodeJS.EventEmitter).on('monitor', (_time: string, args: string[], source: string) => {
    const verb = (args[0] ?? '').toLowerCase();
    if (verb === 'evalsha' || verb === 'eval') {
      const name = verb === 'eval' ? byText.get(bare(args[1] ?? '')) : byDigest.get(args[1] ?? '');
      if (name === undefined) return;
      const keys = args.slice(3, 3 + Number(args[2]));
      inside = { name, slots: new Set(keys.map(slot)) };
      ran.add(name);
      if (inside.slots.size !== 1) crossing.push(`${name}: ${keys.join(' ')}`);
    } else if (source === 'lua') {
      const key = args.find((arg) => arg.startsWith(`{${ns}`));
      if (key !== undefined && inside?.slots.has(slot(key)) !== true) crossing.push(`${inside?.name} touches ${key}`);
    }
  });
  const options = { url: server.url, lanes: 4, beatThread: false };
  const [a, b, mortal] = (await Promise.all(
    ['a', 'b', 'mortal'].map((name) => TestNode.joined(options, ns, name)),
  )) as [TestNode, TestNode, TestNode];
  const mailboxes = ['actor-1@1', 'actor-2@1', 'actor-3@1', 'actor-4@1'];
  t.true(new Set(mailboxes.map((name) => laneOfMailbox(name, 4))).size > 2);
  for (const mailbox of mailboxes) {
    const first = await a.serve(mailbox);
    await b.send(mailbox, 'x', 4);
    await b.send(mailbox, 'later', 1, b.link.now() + 50);
    await until('both claims', () => first.claims.length === 2);
    const together = [{ frame: Buffer.from('y'), count: 1 }];
    await b.link.broker.appendAll({ mailbox, number: 1_000, frames: together });
    const [claim, later] = first.claims as [Claim, Claim];
    await a.link.broker.settle([
      { kind: 'mark', claim, todo: '1111', index: 0 },
      { kind: 'progress', claim, todo: '0111' },
      { kind: 'retry', claim, moved: '0100', todo: '0011', at: a.link.now(), deliveries: 1, history: '[]' },
      { kind: 'bury', claim, moved: '0010', todo: '0001', reason: 'r', deliveries: 1, history: '[]' },
      { kind: 'park', claim, todo: '0001' },
      { kind: 'done', claim: later },
    ]);
    const [letter] = await a.link.broker.dead(mailbox, { limit: 10 });
    t.true(await a.link.broker.replay(mailbox, letter?.id ?? '', '0010'));
    t.false(await a.link.broker.drop(mailbox, letter?.id ?? '', '0010'));
    await a.link.broker.depth(mailbox);
    // For one alone that serves nothing, and dies below.
    await b.link.broker.append({ mailbox, number: 1, frame: Buffer.from('z'), count: 1, target: mortal.id });
  }
  t.is(await a.link.broker.reply(b.id, Buffer.from('hi')), 'accepted');
  await a.link.membership.members();
  a.tells = { serves: { 'actor-1@1': reported() } };
  await a.link.membership.announce();
  t.is((await b.link.membership.serving('actor-1')).length, 1);
  t.true((await b.link.membership.vitals([a.id])).has(a.id));
  await a.link.records.change({ family: 'settings', name: 'x', body: 1, by: 'test' });
  t.is((await b.link.records.all('settings')).length, 1);
  await announceAll(a.link);
  const { breakers, cache, permits } = a.link;
  const failed = { successes: 0, failures: 1, trailingFailures: 1 };
  const opened = await breakers.record('s.m', failed, BREAKER, a.id);
  t.is(opened.phase, 'open');
  await until('a probe', async () => {
    const probed = await breakers.probe('s.m', 1_000, BREAKER, a.id);
    if (probed.kind === 'granted') await breakers.release('s.m', probed.token);
    return probed.kind === 'granted';
  });
  await breakers.force('s.m', { to: 'reset', reason: 'test', by: 'test' });
  await breakers.all();
  const filling = await cache.take('s', 'k', 1_000);
  if (filling.kind === 'fill') await cache.release('s', 'k', filling.token);
  await cache.put({ space: 's', key: 'k', body: Buffer.from('v'), ttlMs: 1_000, maxEntries: 10 });
  t.is(await cache.invalidate('s', { prefix: '' }), 1);
  await permits.take('s', { requests: 1, wanted: 1, ratio: 1, minPerSecond: 1, slots: 1, slotMs: 1 });
  await useLimits(a.link, 's');
  await keep(a.link, 's');
  await doOnce(a.link);
  await key(a, b, 'keyed@1');
  await alarm(a.link);
  await giveUpInLine(a, b);
  await until('its turn to be passed on', () => ran.has('pass'));
  await mortal.link.close();
  await until('the reaping', async () => (await a.link.membership.members()).members.length === 2);
  await until('what was for the dead to be returned', () => ran.has('return'));
  await a.end();
  await b.end();
  t.deepEqual(crossing, []);
  t.deepEqual([...ran].sort(), Object.keys(scripts).sort() as ScriptName[], 'every script ran');
});

/** `waiter` stands in line for room in a mailbox of its own lane, which then has some, and wants it no more. */
async function giveUpInLine(reader: TestNode, waiter: TestNode): Promise<void> {
  const names = Array.from({ length: 100 }, (_, i) => `narrow-${i}@1`);
  const mailbox = names.find((name) => laneOfMailbox(name, 4) === laneOfNode(waiter.id, 4)) ?? '';
  const { claims } = await reader.serve(mailbox, { maxLength: 1 });
  await reader.send(mailbox, 'full');
  await until('the claim', () => claims.length === 1);
  await waiter.link.broker.append({ mailbox, number: 1, frame: Buffer.from('x'), count: 1, patient: true });
  await reader.link.broker.settle([{ kind: 'done', claim: claims[0]! }]);
}

test.serial('a number that comes late is answered with the last id, and a gap is fine', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const append = (number: number): Promise<unknown> =>
    node.link.broker.append({ mailbox: 'n@1', number, frame: Buffer.from(String(number)), count: 1 });
  const first = await append(1);
  const gap = await append(7);
  t.notDeepEqual(first, gap);
  t.deepEqual(await append(7), gap);
  t.deepEqual(await append(3), gap);
  t.is(await server.client.xlen(`{${ns}:0}:mailbox:n@1`), 2);
  await node.end();
});

test.serial('a mailbox that somebody emptied behind our back has room again', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const served = await node.serve('cleared@1', { maxLength: 2, room: 0 });
  await node.send('cleared@1', 'a');
  await node.send('cleared@1', 'b');
  t.is(
    (
      await node.link.broker.append({
        mailbox: 'cleared@1',
        number: node.number('cleared@1'),
        frame: Buffer.from('c'),
        count: 1,
      })
    ).kind,
    'full',
  );
  await server.client.xtrim(`{${ns}:0}:mailbox:cleared@1`, 'MAXLEN', 0);
  await node.send('cleared@1', 'c');
  t.is((await node.link.broker.depth('cleared@1')).messages, 1);
  await served.reader.close();
  await node.end();
});

test.serial(
  'entries that were trimmed away are reported and dropped; foreign ones become dead letters with their bytes',
  async (t) => {
    const ns = space();
    const stream = `{${ns}:0}:mailbox:odd@1`;
    const node = await TestNode.joined(server.url, ns, 'node');
    const served = await node.serve('odd@1', { settle: true });
    await server.client.xadd(stream, '*', 'what', 'ever', 'n', '1');
    await server.client.xadd(stream, '*', 'f', 'bytes', 'n', '0');
    await server.client.xadd(stream, '*', 'f', 'bytes', 'n', '3', 't', '11');
    await node.send('odd@1', 'good');
    await until('the good one', () => served.texts().includes('good'));
    await until('three letters', async () => (await node.link.broker.dead('odd@1', { limit: 10 })).length === 3);
    const letters = await node.link.broker.dead('odd@1', { limit: 10 });
    t.deepEqual(
      letters.map((letter) => [letter.reason, Buffer.from(letter.frame).toString()]),
      [
        ['not-a-frame', 'ever'],
        ['not-a-frame', 'bytes'],
        ['not-a-frame', 'bytes'],
      ],
    );
    t.deepEqual((await server.client.xrange(`{${ns}:0}:dead:odd@1`, '-', '+'))[0]?.[1], [
      'r',
      'not-a-frame',
      'what',
      'ever',
      'n',
      '1',
    ]);
    t.true(await node.link.broker.drop('odd@1', letters[0]?.id ?? '', '1'));
    await until('an empty mailbox', async () => (await server.client.xlen(stream)) === 0);
    t.is((await server.client.xpending(stream, 'g'))[0], 0);
    await node.end();
  },
);

test.serial('what was trimmed away while it was pending is reported, and nothing waits for it', async (t) => {
  const ns = space();
  const stream = `{${ns}:0}:mailbox:trimmed@1`;
  const node = await TestNode.joined(server.url, ns, 'node');
  const served = await node.serve('trimmed@1', { room: 1 });
  await node.send('trimmed@1', 'in hand');
  await until('the claim', () => served.claims.length === 1);
  const id = await node.send('trimmed@1', 'pending, and its answer was lost');
  await server.client.xreadgroup('GROUP', 'g', node.id, 'COUNT', 1, 'STREAMS', stream, '>');
  await server.client.xdel(stream, id);
  await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await until('the report', () => node.warnings.some((warning) => warning.includes('lost-trimmed')));
  await until('one pending', async () => (await server.client.xpending(stream, 'g'))[0] === 1);
  t.is(served.claims.length, 1);
  await node.end();
});

/** What the ports of shared state do, each script once. */
async function share({ breakers, cache, permits }: Link, name: string): Promise<void> {
  await breakers.force(name, { to: 'open', reason: 'r', by: 'b', ttlMs: 1 });
  await breakers.record(name, { successes: 1, failures: 1, trailingFailures: 1 }, BREAKER, 'b');
  await breakers.probe(name, 1_000, BREAKER, 'b');
  await breakers.release(name, 'token');
  await breakers.all();
  const answer = await cache.take(name, 'key', 1_000);
  const token = answer.kind === 'fill' ? answer.token : '';
  await cache.put({ space: name, key: 'key', body: Buffer.from('x'), ttlMs: 1_000, token, maxEntries: 1 });
  await cache.put({ space: name, key: 'other', body: Buffer.from('x'), ttlMs: 1_000, maxEntries: 1 });
  await cache.release(name, 'key', token);
  await cache.invalidate(name, { key: 'key' });
  await cache.invalidate(name, { prefix: '' });
  await permits.take(name, { requests: 1, wanted: 1, ratio: 1, minPerSecond: 1, slots: 1, slotMs: 1 });
}

/** What limits are kept with, each script once. */
async function useLimits({ limits }: Link, name: string): Promise<void> {
  const draw = { name: 'm', perSecond: 1, burst: 1, wanted: 1, returned: 0, withinMs: 1 };
  await limits.draw(name, [draw, { ...draw, wanted: 0, returned: 1 }]);
  for (const wished of [1, 0]) await limits.share(name, [{ name: 'm', max: 1, using: 0, wished }]);
}

/** What keyed mailboxes do, each script once, over partitions of several lanes. */
async function key(owner: TestNode, sender: TestNode, mailbox: string): Promise<void> {
  const { broker, partitions } = owner.link;
  await sender.send(mailbox, 'waits', 2);
  await partitions.split(mailbox, 4, LIMITS);
  for (const partition of [0, 1, 2, 3]) {
    const name = `${mailbox}#${partition}`;
    await partitions.take(mailbox, partition);
    const claims: Claim[] = [];
    const reader = await partitions.read(mailbox, partition, { room: () => 100, take: (some) => claims.push(...some) });
    for (const text of ['steps', 'bad', 'done']) await sender.send(name, text, 4);
    await until('what was sent', () => claims.length === (partition === 0 ? 4 : 3));
    const [done, bad, steps] = claims.toReversed() as [Claim, Claim, Claim];
    await broker.settle([
      { kind: 'mark', claim: steps, todo: '1111', index: 0 },
      { kind: 'progress', claim: steps, todo: '0111', charges: new Map([[1, 1]]), history: '[]' },
      { kind: 'bury', claim: bad, moved: '1111', reason: 'r', deliveries: 1, history: '[]' },
      { kind: 'done', claim: done },
    ]);
    const commit = { claim: steps, key: 'k', casts: [] };
    await partitions.commit(mailbox, partition, { ...commit, index: 1 });
    const cast = { mailbox, frame: Buffer.from('x'), count: 1 };
    await partitions.commit(mailbox, partition, { ...commit, index: 2, state: Buffer.from('s'), casts: [cast] });
    await partitions.commit(mailbox, partition, { ...commit, index: 3, answer: Buffer.from('a') });
    await partitions.states(mailbox, partition, ['k']);
    for (const { number } of await partitions.outgoing(mailbox, partition, 10))
      await partitions.relayed(mailbox, partition, number);
    reader.seek('');
    await reader.close();
    const [letter] = await broker.dead(name, { limit: 1 });
    await broker.replay(name, letter?.id ?? '', '1111');
    await partitions.release(mailbox, partition);
  }
  await partitions.owners(mailbox);
  await broker.depth(mailbox);
}

/** What shared state does, each verb once. */
async function keep({ state }: Link, space: string): Promise<void> {
  const key = 'k';
  const body = Buffer.from('x');
  const answers = await state.each(space, [
    { kind: 'set', key, body, ttlMs: 60_000, when: { revision: 0 } },
    { kind: 'set', key, body, when: { revision: 0 } },
    { kind: 'get', key, renew: true },
  ]);
  const found = answers[2];
  const revision = found?.kind === 'entry' ? found.entry.revision : 0;
  await state.all(space, [
    { kind: 'check', key, revision },
    { kind: 'set', key, body, ttlMs: 60_000 },
  ]);
  await state.each(space, [
    { kind: 'get', key, renew: true },
    { kind: 'ttl', key },
    { kind: 'touch', key },
    { kind: 'delete', key },
  ]);
}

/** What topics do, each script once. */
async function announceAll({ topics }: Link): Promise<void> {
  const frame = Buffer.from('x');
  const publish = (number: number, messages: number): Promise<unknown> =>
    topics.publish({
      ...{ topic: 'a.b', number, frame, count: 2, keep: { messages: 1 } },
      retention: { messages, bytes: 1_000, ms: 1_000 },
    });
  await topics.attachPattern('a.*', 'all');
  await publish(1, 10);
  await topics.attach('a.b', 'own', 'oldest');
  await topics.fill('a.b', 'own');
  await topics.rewind('a.b', 'own', 0);
  await publish(2, 1);
  await topics.lapse();
  await topics.list();
  await topics.quit('a.b', 'own');
  await topics.tidy('a.b', 'own');
  await topics.drop('a.b', 'own');
  await topics.dropPattern('a.*', 'all');
}

/** What the alert store does, each script once, and the archive trimmed. */
async function doOnce({ once }: Link): Promise<void> {
  const run = { mailbox: 'actor-2@1', name: 'x', message: 'a/1.0' };
  await once.begin({ ...run, waiter: { inbox: 'a', correlation: 1 }, maxWaiters: 1, holdMs: 1_000 });
  const other = { ...run, message: 'a/2.0' };
  await once.begin({ ...other, waiter: { inbox: 'a', correlation: 2 }, maxWaiters: 1, holdMs: 1_000 });
  await once.end(run, { kind: 'keep', answer: { failed: false, body: undefined }, keepMs: 1_000 });
  await once.told(run);
}

async function alarm({ alerts }: Link): Promise<void> {
  const change = { fingerprint: 'f', alertId: 'id', event: 'raised', expected: 0 };
  const [raised] = await alerts.commit([{ ...change, body: {}, dueAt: 1 }]);
  const expected = raised?.kind === 'committed' ? raised.revision : 0;
  await alerts.live();
  await alerts.due(1, 10);
  await alerts.claim([{ alertId: 'id', group: 'g', notice: 1 }]);
  await alerts.finish([{ alertId: 'id', group: 'g', notice: 1 }], 'done');
  for (const at of [1_000, 9_000, 10_000])
    await alerts.permit([{ name: 'p', limit: 1, windowMs: 5_000, burst: 1 }], at);
  for (const at of [0, 10_000]) await alerts.rate('r', 1, 1_000, at);
  const archive = { body: {}, keepMs: 1_000 };
  await alerts.commit([{ ...change, expected, body: undefined, archive: { ...archive, at: 1 } }]);
  await alerts.commit([{ ...change, body: undefined, archive }]);
  await alerts.archived({ from: 0, to: Infinity, limit: 10 });
}

test.serial('a Redis user with these rights, and no others, is enough', async (t) => {
  const ns = space();
  const rights = [
    ...[
      'evalsha',
      'eval',
      'xreadgroup',
      'xread',
      'xtrim',
      'xadd',
      'xack',
      'xdel',
      'xclaim',
      'xpending',
      'xrange',
      'xlen',
    ],
    ...[
      'xgroup|create',
      'xgroup|delconsumer',
      'xinfo|stream',
      'xinfo|consumers',
      'xinfo|groups',
      'hset',
      'hsetnx',
      'hget',
      'hmget',
      'hdel',
      'hgetall',
      'hvals',
      'hrandfield',
      'hscan',
      'xrevrange',
    ],
    ...[
      'hexists',
      'hincrby',
      'hkeys',
      'zadd',
      'zcard',
      'zcount',
      'zscore',
      'zrange',
      'zrem',
      'zremrangebyrank',
      'lindex',
      'llen',
      'lpop',
      'lpos',
      'rpush',
      'sadd',
      'srem',
      'scard',
      'sismember',
      'smismember',
      'srandmember',
      'sunionstore',
      'incr',
      'incrby',
    ],
    ...[
      'get',
      'getrange',
      'mget',
      'set',
      'exists',
      'pexpire',
      'pttl',
      'unlink',
      'time',
      'ping',
      'info',
      'client|id',
      'client|unblock',
    ],
  ];
  await server.client.call(
    'ACL',
    'SETUSER',
    'worker',
    'reset',
    'on',
    '>secret',
    `~{${ns}*`,
    '-@all',
    ...rights.map((right) => `+${right}`),
  );
  const url = server.url.replace('redis://', 'redis://worker:secret@');
  const node = await TestNode.joined(url, ns, 'node');
  const other = await TestNode.joined(url, ns, 'other');
  const served = await node.serve('guarded@1');
  await other.send('guarded@1', 'x', 3);
  await other.send('guarded@1', 'later', 1, other.link.now() + 50);
  await until('both', () => served.claims.length === 2);
  const [claim, later] = served.claims as [Claim, Claim];
  t.deepEqual(
    await node.link.broker.settle([
      { kind: 'mark', claim, todo: '111', index: 0 },
      { kind: 'retry', claim, moved: '100', todo: '011', at: node.link.now(), deliveries: 1, history: '[]' },
      { kind: 'bury', claim, moved: '010', todo: '001', reason: 'r', deliveries: 1, history: '[]' },
      { kind: 'park', claim, todo: '001' },
      { kind: 'done', claim: later },
    ]),
    ['settled', 'settled', 'settled', 'settled', 'settled'],
  );
  await until('what was parked and retried', () => served.claims.length === 4);
  const narrow = await node.serve('narrow@1', { maxLength: 1 });
  await other.send('narrow@1', 'x');
  const line = { mailbox: 'narrow@1', frame: Buffer.from('y'), count: 1, patient: true };
  t.is((await node.link.broker.append({ ...line, number: 1 })).kind, 'full');
  t.is((await other.link.broker.append({ ...line, number: 2 })).kind, 'full');
  await until('what fills it', () => narrow.claims.length === 1);
  await node.link.broker.settle([{ kind: 'done', claim: narrow.claims[0]! }]);
  t.is((await node.link.broker.append({ ...line, number: 1 })).kind, 'accepted');
  const [letter] = await node.link.broker.dead('guarded@1', { limit: 1 });
  t.true(await node.link.broker.replay('guarded@1', letter?.id ?? '', '010'));
  await until('the replayed', () => served.claims.length === 5);
  await node.link.broker.append({
    mailbox: 'guarded@1',
    number: 1,
    frame: Buffer.from('alone'),
    count: 1,
    target: other.id,
  });
  await node.link.broker.hint('guarded@1', '{}');
  await node.link.broker.depth('guarded@1');
  t.is((await node.link.membership.members()).members.length, 2);
  other.tells = { serves: { 'guarded@1': reported() } };
  await other.link.membership.announce();
  t.is((await node.link.membership.serving('guarded')).length, 1);
  t.true((await node.link.membership.vitals([other.id])).has(other.id));
  for (const body of [1, undefined])
    await node.link.records.change({ family: 'settings', name: 'x', body, ttlMs: 1, by: 'test' });
  t.is((await node.link.records.history('settings', 5)).length, 2);
  await until('the news', () => node.news.length === 4);
  await share(node.link, 'guarded');
  await useLimits(node.link, 'guarded');
  await keep(node.link, 'guarded');
  await key(node, other, 'keyed@1');
  await alarm(node.link);
  await announceAll(node.link);
  await until('the alert log', () => node.alerts.length === 3);
  await server.client.call('CLIENT', 'KILL', 'USER', 'worker');
  await node.sendSurely('guarded@1', 'after the cut');
  await until('the last', () => served.texts().includes('after the cut'));
  await other.link.close();
  await until('the reaping', async () => (await server.client.hlen(`{${ns}:0}:members`)) === 1);
  await until('what was for the dead', () => served.texts().includes('alone'));
  await node.end();
  const denied = await server.client.call('ACL', 'LOG');
  t.deepEqual(denied, []);
});

test.serial('an audit drops the consumers of the dead, but never one that holds something', async (t) => {
  const ns = space();
  const stream = `{${ns}:0}:mailbox:audited@1`;
  const node = await TestNode.joined(server.url, ns, 'node');
  await node.serve('audited@1', { room: 0 });
  await node.send('audited@1', 'held by a stranger');
  await server.client.xreadgroup('GROUP', 'g', 'stranger', 'COUNT', 1, 'STREAMS', stream, '>');
  await server.client.xgroup('CREATECONSUMER', stream, 'g', 'nobody');
  const consumers = async (): Promise<string[]> =>
    ((await server.client.xinfo('CONSUMERS', stream, 'g')) as string[][]).map((consumer) => consumer[1] ?? '');
  await until('nobody to be dropped', async () => !(await consumers()).includes('nobody'));
  t.true((await consumers()).includes('stranger'));
  t.is(await server.client.sismember(`{${ns}:0}:orphans`, 'audited@1'), 1, 'a lost mark heals');
  t.is((await server.client.xpending(stream, 'g'))[0], 1);
  await node.end();
});

test.serial('nothing of a node is left after it has left', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const served = await node.serve('tidy@1', { settle: true });
  await node.send('tidy@1', 'x');
  await until(
    'the frame',
    async () => served.claims.length === 1 && (await node.link.broker.depth('tidy@1')).messages === 0,
  );
  await node.end();
  const keys = await server.client.keys(`{${ns}*`);
  t.deepEqual(
    keys.filter((key) => key.includes(node.id)),
    [],
  );
  t.is(await server.client.exists(`{${ns}:0}:progress:tidy@1`), 0);
});
