/** What every node is told: once, in order, also after a cut; and what stands when a process is killed. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Redis } from 'ioredis';
import type { NewsItem } from '../src/core.ts';
import { readNews } from '../src/news.ts';
import { QUICK, TestNode, served, until } from './house.ts';
import { Proxy } from './proxy.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `news-${process.pid}-${++spaces}`;
const shape = (items: readonly NewsItem[]): string[] => items.map(({ kind, id }) => `${kind} ${id}`);

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

test.serial('joining, changing and leaving are told to everybody in order, and numbered one by one', async (t) => {
  const ns = space();
  const a = await TestNode.joined(server.url, ns, 'a');
  const b = await TestNode.joined(server.url, ns, 'b');
  b.tells = { serves: { 'users@1': served() } };
  await b.link.membership.announce();
  await b.link.membership.announce();
  await b.link.membership.leave();
  await until('the news', () => a.news.length === 3);
  t.deepEqual(shape(a.news), [`joined ${b.id}`, `changed ${b.id}`, `left ${b.id}`]);
  t.deepEqual(
    a.news.map(({ seq }) => seq),
    [2, 3, 4],
  );
  t.like(a.news[1]?.body, { serves: b.tells.serves });
  t.is(a.news[2]?.body, undefined);
  await until('the beat to know', () => a.seq === 4);
  t.is(shape(b.news)[0], `changed ${b.id}`, 'its own joining came before it listened');
  await a.end();
  await b.end();
});

test.serial('a large report is not told but read: a thousand of them do not fill the server', async (t) => {
  const ns = space();
  const a = await TestNode.joined(server.url, ns, 'a');
  const b = await TestNode.joined(server.url, ns, 'b');
  const methods = Array.from({ length: 2_000 }, (_, i) => `method${i}`);
  b.tells = { serves: { 'users@1': served({ methods }) } };
  await b.link.membership.announce();
  await until('the news', () => a.news.some(({ kind }) => kind === 'changed'));
  t.is(a.news.at(-1)?.body, undefined);
  const read = await a.link.membership.members();
  t.like(read.members.find(({ id }) => id === b.id)?.report, { serves: { 'users@1': { methods } } });
  await a.end();
  await b.end();
});

test.serial('of five nodes one is killed: each of the others hears once that it has expired (S2-26)', async (t) => {
  const ns = space();
  const nodes = await Promise.all(
    Array.from({ length: 4 }, (_, i) => TestNode.joined({ url: server.url, beatThread: false }, ns, `n${i}`)),
  );
  const child = fork(fileURLToPath(new URL('stranger.js', import.meta.url)), [server.url, ns, 'held@1', '1'], {
    stdio: 'inherit',
  });
  await new Promise<void>((resolve) => child.on('message', (message) => message === 'serving' && resolve()));
  child.kill('SIGKILL');
  for (const node of nodes) await until('the end', () => node.news.some(({ kind }) => kind === 'expired'));
  const last = (await nodes[0]?.link.membership.members())?.seq ?? 0;
  for (const node of nodes) {
    await until('the last news', () => node.news.at(-1)?.seq === last);
    t.is(node.news.filter(({ kind }) => kind === 'expired').length, 1);
  }
  t.is((await nodes[0]?.link.membership.members())?.members.length, 4);
  await Promise.all(nodes.map((node) => node.end()));
});

test.serial('what a node sent before it left is heard before that, however much it is', async (t) => {
  const ns = space();
  const a = await TestNode.joined(server.url, ns, 'a');
  const b = await TestNode.joined(server.url, ns, 'b');
  await until('the news', () => a.news.length === 1);
  const heard: number[] = [];
  const push = a.news.push.bind(a.news);
  a.news.push = (...items) => {
    heard.push(a.inbox.length);
    return push(...items);
  };
  const client = new Redis(server.url);
  t.teardown(() => client.disconnect());
  const seq = a.seq + 1;
  // All of it at once, as after a pause of the reader; then some more, which came later.
  const told = client.multi();
  for (let n = 0; n < 200; n += 1) told.xadd(`{${ns}:0}:inbox:${a.id}`, '*', 'f', `${n}`);
  told.xadd(`{${ns}:0}:news`, '*', 'k', 'left', 'i', b.id, 'q', `${seq}`, 'b', '');
  await told.exec();
  await until('the news of it', () => a.news.length === 2);
  t.deepEqual(heard, [200]);
  await client.xadd(`{${ns}:0}:inbox:${a.id}`, '*', 'f', 'last');
  await until('what came after', () => a.inbox.length === 201);
  await a.end();
  await b.end();
});

/** Answers the index entries of these services whose node has no report that says so. */
const STRAY = `
local stray = {}
for _, service in ipairs(ARGV) do
  for _, id in ipairs(redis.call('HKEYS', KEYS[1] .. 'instances:' .. service)) do
    local report = redis.call('GET', KEYS[1] .. 'report:' .. id)
    if not report or not string.find(report, '"' .. service .. '@1"', 1, true) then stray[#stray + 1] = service .. ' ' .. id end
  end
end
return stray`;

test.serial(
  'a process that is killed while it announces leaves no entry of the index without its report (S2-16)',
  async (t) => {
    const ns = space();
    const lane = `{${ns}:0}:`;
    const watcher = await TestNode.joined(server.url, ns, 'watcher');
    for (let round = 0; round < 6; round += 1) {
      const child = fork(fileURLToPath(new URL('announcer.js', import.meta.url)), [server.url, ns], {
        stdio: 'inherit',
      });
      await new Promise<void>((resolve) => child.on('message', () => resolve()));
      const delayMs = Math.random() * 60;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      t.deepEqual(
        await server.client.eval(STRAY, 1, lane, 'users', 'turn-0', 'turn-1'),
        [],
        `killed after ${delayMs} ms`,
      );
    }
    await until('all to be reaped', async () => (await watcher.link.membership.members()).members.length === 1);
    t.deepEqual(await server.client.keys(`${lane}instances:*`), []);
    t.is((await server.client.keys(`${lane}report:*`)).length, 1);
    t.is(watcher.news.filter(({ kind }) => kind === 'expired').length, 6);
    await watcher.end();
  },
);

test.serial('what was told while a node was cut off reaches it when it is back (S2-35)', async (t) => {
  const ns = space();
  const proxy = new Proxy(server.port);
  await proxy.listen();
  const cut = await TestNode.joined(proxy.url, ns, 'cut', { ...QUICK, ttlMs: 3_000 });
  const other = await TestNode.joined(server.url, ns, 'other', { ...QUICK, ttlMs: 3_000 });
  await until('the first news', () => cut.news.length === 1);
  proxy.mode('blackhole');
  proxy.cut();
  await other.link.records.change({ family: 'settings', name: 'users', body: { timeoutMs: 5 }, by: 'test' });
  proxy.mode('pass');
  proxy.cut();
  await until('the change', () => cut.news.some(({ kind }) => kind === 'settings'));
  t.deepEqual(shape(cut.news), [`joined ${other.id}`, 'settings users']);
  await until('the beat to know', () => cut.seq === 3);
  t.deepEqual(cut.evictions, []);
  await cut.end();
  await other.end();
  await proxy.close();
});

test.serial(
  'an announcement whose answer is cut off leaves nothing in the index that the next one does not say',
  async (t) => {
    const ns = space();
    const proxy = new Proxy(server.port);
    await proxy.listen();
    const node = await TestNode.joined({ url: proxy.url, beatThread: false }, ns, 'node', { ...QUICK, ttlMs: 3_000 });
    const other = await TestNode.joined(server.url, ns, 'other');
    node.tells = { serves: { 'cut-off@1': served(), 'stays@1': served() } };
    const cut = proxy.cutReplyTo('cut-off@1');
    const announced = node.link.membership.announce();
    await cut;
    t.is((await other.link.membership.serving('cut-off')).length, 1, 'it was carried out');
    node.tells = { serves: { 'stays@1': served({ weight: 2 }) } };
    await announced;
    await node.link.membership.announce();
    t.deepEqual(await other.link.membership.serving('cut-off'), []);
    const [stays] = await other.link.membership.serving('stays');
    t.like(stays, { id: node.id, report: { serves: { 'stays@1': { weight: 2 } } } });
    await node.end();
    await other.end();
    await proxy.close();
  },
);

test.serial('after FLUSHALL everybody joins again, and the news begin anew', async (t) => {
  const ns = space();
  const a = await TestNode.joined(server.url, ns, 'a');
  const b = await TestNode.joined(server.url, ns, 'b');
  a.rejoins = true;
  b.rejoins = true;
  const before = [a.id, b.id];
  await server.client.flushall();
  await until('both again', async () => !before.includes(a.id) && !before.includes(b.id));
  b.tells = { status: 'degraded' };
  await b.link.membership.announce();
  await until('the change', () => a.news.at(-1)?.kind === 'changed');
  t.is(a.news.at(-1)?.seq, 3);
  t.is((await a.link.membership.members()).members.length, 2);
  await a.end();
  await b.end();
});

test.serial('what is no news is skipped and logged, and the stream stays short (S4-37)', async (t) => {
  const ns = space();
  const key = `{${ns}:0}:news`;
  const a = await TestNode.joined(server.url, ns, 'a');
  await server.client.xadd(key, '*', 'what', 'ever');
  await server.client.xadd(key, '*', 'k', 'joined', 'i', 'x', 'q', '7', 'b', '{no json');
  // In bursts that a reader can follow: what is older than a thousand items is lost to it, and `seq` says so.
  for (let burst = 1; burst <= 13; burst += 1) {
    const changes = Array.from({ length: 100 }, (_, i) =>
      a.link.records.change({ family: 'marks', name: `m${i % 3}`, body: i, by: 'test' }),
    );
    await Promise.all(changes);
    await until('all of them', () => a.news.length === burst * 100);
  }
  t.deepEqual(
    a.news.map(({ seq }) => seq),
    Array.from({ length: 1_300 }, (_, i) => i + 2),
  );
  t.is(a.warnings.filter((warning) => warning.includes('news_invalid')).length > 0, true);
  const kept = await server.client.xlen(key);
  t.true(kept >= 1_000 && kept < 1_200, `${kept} entries`);
  await a.end();
});

test('an entry of the news is read strictly', (t) => {
  const entry = (...fields: string[]): readonly [Buffer, readonly Buffer[]] => [
    Buffer.from('1-1'),
    fields.map((field) => Buffer.from(field)),
  ];
  t.deepEqual(readNews([entry('k', 'left', 'i', 'n', 'q', '3', 'b', '')]).items, [
    { seq: 3, kind: 'left', id: 'n', body: undefined },
  ]);
  for (const fields of [
    [],
    ['k', 'left'],
    ['k', '', 'i', 'n', 'q', '1'],
    ['k', 'left', 'i', 'n', 'q', 'x'],
    ['k', 'left', 'i', 'n', 'q', '0'],
    ['k', 'left', 'i', 'n', 'q', '1.5'],
    ['k', 'joined', 'i', 'n', 'q', '1', 'b', '{'],
  ]) {
    t.deepEqual(readNews([entry(...fields)]), { items: [], invalid: ['1-1'] }, fields.join(' '));
  }
});
