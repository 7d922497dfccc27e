/** What nodes see of each other: breakers, deaths, main threads that hang. */
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import type { AlertRecord } from '../../../src/alerts/alert.ts';
import { HANGS } from '../../../src/alerts/sources/event-loop.ts';
import type { Backend, Link } from '../../../src/backend.ts';
import { memory } from '../../../src/backends/memory.ts';
import { actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import type { NodeReport } from '../../../src/ports/report.ts';
import { createNode } from '../../../src/node/create-node.ts';
import type { ActorNode, NodeOptions } from '../../../src/node/node.ts';
import { alone, around, log, member, until, type Stage } from './stage.ts';

const BEAT = { intervalMs: 100, ttlMs: 500 };

const users = contract('users', { methods: { get: { input: z.number(), output: z.number() } } });

async function node(t: ExecutionContext, options: NodeOptions): Promise<ActorNode> {
  const made = await createNode({ name: 'a', log, signals: false, beat: BEAT, drainMs: 50, ...options });
  t.teardown(() => made.close());
  return made;
}

/** A member that is moved by hand: it serves `users` and `billing`, and says of itself what the test wants. */
async function puppet(
  t: ExecutionContext,
  backend: Backend,
  name: string,
): Promise<{ id: string; link: Link; report: Feeling }> {
  const report: Feeling = { status: 'healthy' };
  const served = { version: '1.0.0', methods: ['get'], weight: 1, tags: [], meta: {} };
  const serves = (): NodeReport['serves'] => ({
    'users@1': { ...served, ...report },
    'billing@1': { ...served, ...report },
  });
  return { ...(await member(t, backend, name, () => ({ ...report, serves: serves() }), BEAT)), report };
}

interface Feeling {
  status: NodeReport['status'];
  reason?: string | undefined;
}

/** Falls silent without a word. */
function kill(link: Link): void {
  (link.membership as unknown as { stopBeating(): void }).stopBeating();
}

test('a breaker that opens is pain, critical where nearly all calls fail, and over when it closes (S3-24)', async (t) => {
  const backend = memory();
  const one = await node(t, { backend, name: 'a' });
  const other = await node(t, { backend, name: 'b' });
  await one.serve(
    actor(users, {
      get: (id) => {
        if (id < 0) throw new Error('broken');
        return id;
      },
    }),
  );
  const here = around(t, one);
  const there = around(t, other);
  const api = one.client(users, { retry: false });
  for (let n = 0; n < 5; n += 1) await t.throwsAsync(api.get(-1));
  await until('the pain', () => here.heard.open.length > 0);
  const [pain] = here.heard.open;
  t.like(pain?.options, { kind: 'breaker-open', service: 'users', method: 'get', severity: 'critical' });
  t.like(pain?.options.metrics, { failureRate: 1, failures: 5, calls: 5 });
  t.regex(pain?.message ?? '', /users\.get: the breaker is open \(5 failures in a row.*5 of the last 5 calls failed/);
  t.deepEqual(there.heard.told, [], 'whoever opened it tells of it, nobody else');
  await one.breaker('users.get').close({ reason: 'seen to' });
  await until('it to be over', () => here.heard.open.length === 0);
});

test('a breaker that half the calls open is high', async (t) => {
  const one = await node(t, { backend: memory() });
  const { heard } = around(t, one);
  const breaker = one.breaker('disk', { failureThreshold: 100, minCalls: 10, failureRate: 0.5 });
  for (let n = 0; n < 12; n += 1)
    await breaker.run(() => (n % 2 === 0 ? Promise.resolve() : Promise.reject(new Error('no')))).catch(() => {});
  await until('the pain', () => heard.open.length > 0);
  t.like(heard.open[0]?.options, { kind: 'breaker-open', scope: 'disk', severity: 'high' });
});

test('what a person opens is no pain', async (t) => {
  const one = await node(t, { backend: memory() });
  const { heard } = around(t, one);
  await one.breaker('users.get').open({ reason: 'maintenance' });
  await one.breaker('users.get').close({ reason: 'done' });
  t.deepEqual(heard.told, []);
});

test('where whoever opened it says nothing, others tell of it after a second', async (t) => {
  const backend = memory();
  const one = await node(t, { backend });
  const silent = await node(t, { backend, name: 'b' });
  const { heard } = around(t, one);
  const breaker = silent.breaker('disk');
  for (let n = 0; n < 5; n += 1) await breaker.run(() => Promise.reject(new Error('no'))).catch(() => {});
  t.deepEqual(heard.told, []);
  await until('a stand-in', () => heard.open.length === 1);
  t.deepEqual(heard.told, ['critical breaker-open']);
});

test('a node that dies is one pain with all it served, over when one of its name is back', async (t) => {
  const backend = memory();
  const one = await node(t, { backend });
  const { heard } = around(t, one, { policy: { noConsumers: false } });
  const { id, link } = await puppet(t, backend, 'users-1');
  await until('it to be seen', () => one.registry.services().length === 2);
  kill(link);
  await until('the pain', () => heard.find('node-expired') !== undefined);
  const pain = heard.find('node-expired')!;
  t.like(pain, { severity: 'high', count: 1 });
  t.like(pain.options, { scope: 'users-1', tags: [`node:${id}`] });
  t.regex(pain.message, /node users-1 \(users-1-.*\) has died; it served users, billing/);
  await puppet(t, backend, 'users-2');
  await until('the other to be seen', () => one.registry.services().length === 2);
  t.is(heard.open.length, 1, 'another name is another node');
  await puppet(t, backend, 'users-1');
  await until('it to be over', () => heard.open.length === 0);
});

test('a node that was started again before its death was noticed has died, and is back', async (t) => {
  const backend = memory();
  const one = await node(t, { backend });
  const { heard } = around(t, one);
  const { link } = await puppet(t, backend, 'users-1');
  await until('it to be seen', () => one.registry.services().length === 2);
  kill(link);
  await puppet(t, backend, 'users-1');
  await until('both words', () => heard.told.length >= 2);
  t.deepEqual(heard.told, ['high node-expired', 'clear node-expired']);
});

test('of many nodes two tell of a death', async (t) => {
  const backend = memory();
  const nodes: ActorNode[] = [];
  for (let n = 0; n < 6; n += 1) nodes.push(await node(t, { backend, name: `n${n}` }));
  const { link } = await puppet(t, backend, 'users-1');
  for (const one of nodes) await until('it to be seen', () => one.registry.services().length === 2);
  const stages = nodes.map((one) => around(t, one, { policy: { noConsumers: false } }));
  kill(link);
  for (const one of nodes) await until('it to be gone', () => one.registry.services().length === 0);
  t.is(stages.filter(({ heard }) => heard.find('node-expired') !== undefined).length, 2);
});

test('a main thread that hangs is told by others, who see it in what its beat says', async (t) => {
  const backend = memory();
  const one = await node(t, { backend });
  const { heard } = around(t, one, { policy: { eventLoop: {} } });
  const { id, report, link } = await puppet(t, backend, 'users-1');
  await until('it to be seen', () => one.registry.services().length === 2);
  Object.assign(report, { status: 'unhealthy', reason: 'a check failed' });
  await link.membership.announce();
  await until('it to be unhealthy', () => one.registry.instances('users').length === 0);
  t.deepEqual(heard.told, [], 'it can say so itself');
  Object.assign(report, { status: 'healthy', reason: undefined });
  await link.membership.announce();
  await until('it to be well', () => one.registry.instances('users').length === 1);
  Object.assign(report, { status: 'unhealthy', reason: HANGS });
  await link.membership.announce();
  await until('the pain', () => heard.open.length > 0);
  t.like(heard.open[0], { severity: 'high', count: 1 });
  t.like(heard.open[0]?.options, { kind: 'event-loop', scope: `node:${id}` });
  Object.assign(report, { status: 'healthy', reason: undefined });
  await link.membership.announce();
  await until('it to be over', () => heard.open.length === 0);
});

test('what only a dead node saw hurts nobody any more', async (t) => {
  const alive = new Set(['self-1', 'other-1']);
  const stage: Stage = alone(t, { lives: (id) => alive.has(id), policy: { lookMs: 10 } });
  const { heard } = stage;
  const facts = { service: 'users', scope: 'users@1', metrics: { scope: 'users@1' } };
  heard.raise({ kind: 'error-rate', message: 'seen by one', ...facts });
  heard.raise({ kind: 'dead-letters', message: 'lasts without him', ...facts });
  heard.raise({ kind: 'lag-growing', message: 'seen by two', ...facts });
  for (const active of heard.active.values()) active.splice(0, 1, 'dead-1');
  [...heard.active.values()][2]!.push('other-1');
  await until('the first to be over', () => heard.find('error-rate') === undefined);
  t.deepEqual(
    heard.open.map(({ options }) => options.kind),
    ['dead-letters', 'lag-growing'],
  );
});

test('what was critical and is over by itself is a joy; what a person ends is none', (t) => {
  const { heard, tell } = alone(t);
  const critical = { type: 'pain', severity: 'critical', state: 'open', kind: 'disk-full', fingerprint: 'f' };
  const record = (changes: object): AlertRecord =>
    ({ ...critical, source: { service: 'users', nodeId: 'n' }, firstAt: 1, lastAt: 3, count: 2, ...changes }) as never;
  const open = record({});
  tell(undefined, open);
  tell(open, record({ state: 'resolved', resolution: 'resolved' }));
  tell(record({ state: 'cleared-unacked' }), record({ state: 'resolved', resolution: 'resolved' }));
  tell(record({ severity: 'high' }), record({ severity: 'high', state: 'resolved', resolution: 'cleared' }));
  t.deepEqual(heard.told, []);
  tell(open, record({ state: 'cleared-unacked' }));
  tell(record({ state: 'acked' }), record({ state: 'resolved', resolution: 'cleared' }));
  t.deepEqual(heard.told, ['joy recovered', 'joy recovered']);
  t.like(heard.pleasures[0], { service: 'users', scope: 'f', metrics: { kind: 'disk-full', lastedMs: 2 } });
});
