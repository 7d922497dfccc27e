/** Who is there: beats from their thread, a node that hangs, the dead and what they held. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { CALM, QUICK, TestNode, served, until } from './house.ts';
import type { NodeReport } from '../src/core.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `membership-${process.pid}-${++spaces}`;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

/** Blocks this thread: timers, sockets and all. */
function hang(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The report that stands in Redis. */
async function reportIn(ns: string, id: string): Promise<Partial<NodeReport>> {
  return JSON.parse((await server.client.get(`{${ns}:0}:report:${id}`)) ?? '{}') as Partial<NodeReport>;
}

/** A node in a process of its own, which serves `mailbox` and holds what it gets. Resolves when it holds `frames`. */
async function stranger(
  ns: string,
  mailbox: string,
  frames: number,
  send: () => Promise<void>,
): Promise<{ readonly pid: number; kill(): void }> {
  const child = fork(
    fileURLToPath(new URL('stranger.js', import.meta.url)),
    [server.url, ns, mailbox, String(frames)],
    { stdio: 'inherit' },
  );
  const told = (what: string): Promise<void> =>
    new Promise((resolve) => child.on('message', (message) => message === what && resolve()));
  await told('serving');
  const holding = told('holding');
  await send();
  await holding;
  return { pid: child.pid ?? 0, kill: () => void child.kill('SIGKILL') };
}

test.serial('what a killed process held is taken over within its time to live and a second', async (t) => {
  const ns = space();
  const heir = await TestNode.joined(server.url, ns, 'heir');
  const other = await TestNode.joined(server.url, ns, 'other');
  const victim = await stranger(ns, 'work@1', 3, async () => {
    for (let i = 0; i < 3; i += 1) await other.send('work@1', String(i));
  });
  const served = await heir.serve('work@1', { settle: true });
  victim.kill();
  const took = await until('the takeover', () => served.claims.length === 3);
  t.log(`${Math.round(took)} ms after the kill, with a time to live of ${QUICK.ttlMs} ms`);
  t.true(took < QUICK.ttlMs + 1_000);
  t.deepEqual(served.texts(), ['0', '1', '2']);
  t.deepEqual(
    served.claims.map((claim) => claim.crashes),
    [1, 1, 1],
  );
  await until('everything settled', async () => (await heir.link.broker.depth('work@1')).messages === 0);
  await heir.end();
  await other.end();
});

test.serial('what a node claims after it was declared dead is taken over soon, whatever else it serves', async (t) => {
  const ns = space();
  const beat = { intervalMs: 500, ttlMs: 4_000, stallMs: 500, evictMs: 30_000 };
  const late = await TestNode.joined(server.url, ns, 'late', beat);
  const other = await TestNode.joined(server.url, ns, 'other', beat);
  late.rejoins = true;
  for (let i = 0; i < 20; i += 1) await late.serve(`m${i}@1`);
  const zombie = await late.serve('zombie@1');
  // As reaping does it, with everything taken over: its read under way does not know.
  await server.client.hdel(`{${ns}:0}:members`, late.id);
  await server.client.unlink(`{${ns}:0}:serves:${late.id}`);
  await other.send('zombie@1', 'claimed by who is no member');
  await until('the claim', () => zombie.claims.length === 1);
  const took = await until('the takeover', () => zombie.claims.length === 2, 5_000);
  t.log(`${Math.round(took)} ms`);
  t.is(zombie.claims[1]?.crashes, 1);
  t.is(late.evictions.length, 1);
  await late.end();
  await other.end();
});

test.serial('a process that was stopped past its time to live is a zombie: what it says is refused', async (t) => {
  const ns = space();
  const heir = await TestNode.joined(server.url, ns, 'heir');
  const victim = await stranger(ns, 'zombie@1', 1, () => heir.send('zombie@1', 'mine').then(() => undefined));
  const served = await heir.serve('zombie@1');
  process.kill(victim.pid, 'SIGSTOP');
  await until('the takeover', () => served.claims.length === 1);
  const told = new Promise((resolve) => setTimeout(resolve, 500));
  process.kill(victim.pid, 'SIGCONT');
  await told;
  const claim = served.claims[0];
  if (claim === undefined) throw new Error('no claim');
  t.deepEqual(await heir.link.broker.settle([{ kind: 'done', claim }]), ['settled'], 'it is still the heir’s');
  victim.kill();
  await heir.end();
});

test.serial(
  'a node whose event loop hangs for twice its time to live stays a member, and says that it is unhealthy',
  async (t) => {
    const ns = space();
    const node = await TestNode.joined(server.url, ns, 'busy');
    const watcher = await stranger(ns, 'watched@1', 1, () => node.send('watched@1', 'x').then(() => undefined));
    await node.serve('watched@1');
    node.tells = { serves: { 'watched@1': served() } };
    await node.link.membership.announce();
    const before = Number(await server.client.hget(`{${ns}:0}:members`, node.id));
    hang(2 * QUICK.ttlMs);
    const report = await reportIn(ns, node.id);
    t.is(report.status, 'unhealthy');
    t.is(report.serves?.['watched@1']?.status, 'unhealthy');
    const after = Number(await server.client.hget(`{${ns}:0}:members`, node.id));
    t.true(after - before >= 6, `${after - before} beats while it hung`);
    await until('health again', async () => (await reportIn(ns, node.id)).status === 'healthy');
    t.deepEqual(node.evictions, []);
    watcher.kill();
    await node.end();
  },
);

test.serial('a node that hangs past evictMs leaves by its thread and learns of it when it wakes', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'stuck', { ...QUICK, evictMs: 700 });
  await node.link.membership.announce();
  hang(1_200);
  t.is(await server.client.hexists(`{${ns}:0}:members`, node.id), 0);
  await until('the eviction', () => node.evictions.length === 1);
  t.regex(node.evictions[0] ?? '', /no progress/);
  const [last] = await server.client.xrevrange(`{${ns}:0}:news`, '+', '-', 'COUNT', 1);
  t.deepEqual(last?.[1].slice(0, 4), ['k', 'expired', 'i', node.id], 'it did not go in good order');
  const old = node.id;
  await node.join();
  t.not(node.id, old);
  await node.send('again@1', 'x');
  await node.end();
});

test.serial('where the thread cannot be started the beat runs on the main thread, and says so', async (t) => {
  const ns = space();
  // A function cannot cross to a thread.
  const node = await TestNode.joined(
    { url: server.url, connection: { sentinelRetryStrategy: () => 10 } },
    ns,
    'threadless',
  );
  t.true(node.warnings.some((warning) => warning.includes('beat thread')));
  await node.link.membership.announce();
  const before = Number(await server.client.hget(`{${ns}:0}:members`, node.id));
  await until('beats', async () => Number(await server.client.hget(`{${ns}:0}:members`, node.id)) > before + 3);
  await node.end();
});

test.serial('an evicted node hears of it once, and its readers go on under the new id', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const other = await TestNode.joined(server.url, ns, 'other');
  node.rejoins = true;
  const served = await node.serve('again@1', { settle: true });
  for (let round = 0; round < 3; round += 1) {
    const old = node.id;
    await server.client.hdel(`{${ns}:0}:members`, old);
    await until('a new id', () => node.id !== old);
    await other.send('again@1', String(round));
    await until('the frame', () => served.texts().includes(String(round)));
  }
  t.is(node.evictions.length, 3);
  await until('everything settled', async () => (await other.link.broker.depth('again@1')).messages === 0);
  await node.end();
  await other.end();
});

test.serial('the lanes of a namespace stand, and a node that says otherwise is told what to do', async (t) => {
  const ns = space();
  const node = await TestNode.joined({ url: server.url, lanes: 2 }, ns, 'node');
  await node.end();
  const failure = await t.throwsAsync(TestNode.connect({ url: server.url, lanes: 3 }, ns, 'other'));
  t.is((failure as { code?: string }).code, 'LAYOUT_MISMATCH');
  t.regex(failure?.message ?? '', /lanes: 2/);
});

test.serial('members, reports and vitals are what the nodes say, each with its beat', async (t) => {
  const ns = space();
  const a = await TestNode.joined(server.url, ns, 'a');
  const b = await TestNode.joined(server.url, ns, 'b');
  a.tells = { serves: { 'users@1': served({ tags: ['eu'] }), 'users@2': served(), 'mail@1': served() } };
  await a.link.membership.announce();
  const { members, seq } = await b.link.membership.members();
  t.deepEqual(members.map(({ id }) => id).sort(), [a.id, b.id].sort());
  t.like(members.find(({ id }) => id === a.id)?.report, { serves: a.tells.serves });
  t.is(seq, 3, 'joined twice, changed once');
  const [instance, ...others] = await b.link.membership.serving('users');
  t.is(others.length, 0);
  t.is(instance?.id, a.id);
  t.deepEqual(Object.keys((instance?.report ?? {}) as NodeReport), Object.keys(await reportIn(ns, a.id)));
  t.deepEqual(Object.keys((instance?.report as NodeReport | undefined)?.serves ?? {}), ['users@1', 'users@2']);
  a.tells = { serves: { 'mail@1': served() } };
  await a.link.membership.announce();
  t.deepEqual(await b.link.membership.serving('users'), []);
  t.is((await b.link.membership.serving('mail')).length, 1);
  t.is(await server.client.exists(`{${ns}:0}:instances:users`), 0);
  await until('the vitals', async () => (await b.link.membership.vitals([a.id, 'nobody'])).has(a.id));
  t.deepEqual([...(await b.link.membership.vitals([a.id, 'nobody']))], [[a.id, CALM]]);
  await a.end();
  t.deepEqual(await b.link.membership.serving('mail'), []);
  await b.end();
});

test.serial(
  'a report that is gone is announced again, and one that was overwritten hurts nobody (S4-37)',
  async (t) => {
    const ns = space();
    const a = await TestNode.joined(server.url, ns, 'a');
    const b = await TestNode.joined(server.url, ns, 'b');
    a.tells = { serves: { 'users@1': served() } };
    await a.link.membership.announce();
    const lane = `{${ns}:0}:`;
    await server.client.hset(`${lane}instances:users`, 'ghost', '{}', b.id, 'no json');
    await server.client.set(`${lane}report:${b.id}`, 'no json');
    await server.client.set(`${lane}node:${b.id}`, 'no json');
    const serving = await b.link.membership.serving('users');
    t.is(serving.length, 2);
    t.truthy(serving.find(({ id }) => id === a.id)?.report);
    t.is(serving.find(({ id }) => id === b.id)?.report, undefined);
    t.is(await server.client.hexists(`${lane}instances:users`, 'ghost'), 0, 'nobody’s entry is dropped');
    t.is((await b.link.membership.members()).members.find(({ id }) => id === b.id)?.report, undefined);
    t.false((await a.link.membership.vitals([b.id])).has(b.id));
    t.true(b.warnings.some((warning) => warning.includes('report_invalid')));
    await server.client.set(`${lane}instances:users`, 'not a hash');
    await server.client.del(`${lane}report:${a.id}`, `${lane}news`);
    await server.client.set(`${lane}news`, 'not a stream');
    await server.client.set(`${lane}news:seq`, 'no number');
    await until('the report again', async () => (await reportIn(ns, a.id)).name === 'test');
    await until('the index again', async () => (await b.link.membership.serving('users')).length === 1);
    t.is(await server.client.type(`${lane}news`), 'stream');
    t.deepEqual([...a.evictions, ...b.evictions], []);
    await a.end();
    await b.end();
    t.deepEqual(await server.client.keys(`${lane}instances:*`), []);
  },
);

test.serial('a node that comes and goes a hundred times leaves no key behind (S2-02)', async (t) => {
  const ns = space();
  const watcher = await TestNode.joined(server.url, ns, 'watcher');
  const node = await TestNode.connect({ url: server.url, beatThread: false }, ns, 'node');
  node.tells = { serves: { 'users@1': served() } };
  const ids: string[] = [];
  for (let round = 0; round < 100; round += 1) {
    await node.join();
    ids.push(node.id);
    await node.link.membership.leave();
  }
  t.is((await watcher.link.membership.members()).members.length, 1);
  t.deepEqual(await watcher.link.membership.serving('users'), []);
  const keys = await server.client.keys(`{${ns}*`);
  t.deepEqual(
    keys.filter((key) => ids.some((id) => key.includes(id))),
    [],
  );
  await until('all the news', () => watcher.news.length === 200);
  await node.end();
  await watcher.end();
});

test.serial('twenty nodes come and go: the member list is true and nobody is lost', async (t) => {
  const ns = space();
  const options = { url: server.url, beatThread: false };
  const beat = { ...QUICK, intervalMs: 300, ttlMs: 3_000 };
  const nodes = await Promise.all(Array.from({ length: 20 }, (_, i) => TestNode.joined(options, ns, `n${i}`, beat)));
  t.is((await (nodes[0] as TestNode).link.membership.members()).members.length, 20);
  await Promise.all(nodes.slice(10).map((node) => node.end()));
  t.is((await (nodes[0] as TestNode).link.membership.members()).members.length, 10);
  t.deepEqual(
    nodes.flatMap((node) => node.evictions),
    [],
  );
  await Promise.all(nodes.slice(0, 10).map((node) => node.end()));
});
