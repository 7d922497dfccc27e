/** Whole nodes, wired as they come: what hurts them is in their alerts, without anybody's doing. */
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import type { Alert } from '../../../src/alerts/alert.ts';
import type { SourcesOptions } from '../../../src/alerts/sources/options.ts';
import type { Backend } from '../../../src/backend.ts';
import { memory } from '../../../src/backends/memory.ts';
import { actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import { BackendFull } from '../../../src/ground/errors.ts';
import { createNode } from '../../../src/node/create-node.ts';
import type { ActorNode, NodeOptions } from '../../../src/node/node.ts';
import { log, member, until } from './stage.ts';

const BEAT = { intervalMs: 100, ttlMs: 600 };
const users = contract('users', {
  methods: {
    get: { input: z.number(), output: z.number(), errors: { FORBIDDEN: z.any() } },
    find: { input: z.number(), output: z.number(), kind: 'query' },
    tell: { input: z.number() },
  },
});
const broken = (): never => {
  throw new Error('broken');
};

interface House {
  readonly node: ActorNode;
  /** What lives of this kind. */
  find(kind: string): Promise<Alert | undefined>;
  /** Waits until it is there and hurts. */
  hurts(kind: string): Promise<Alert>;
  isOver(kind: string): Promise<unknown>;
}

async function house(t: ExecutionContext, sources: SourcesOptions = {}, options: NodeOptions = {}): Promise<House> {
  const node = await createNode({
    name: 'a',
    backend: memory(),
    log,
    signals: false,
    beat: BEAT,
    drainMs: 20,
    alerts: { sources: { lookMs: 50, memory: false, cpu: false, connections: false, ...sources } },
    ...options,
  });
  t.teardown(() => node.close());
  const find = async (kind: string): Promise<Alert | undefined> => (await node.alerts.list({ kind }))[0];
  return {
    node,
    find,
    hurts: async (kind) => {
      await until(kind, async () => (await find(kind))?.state === 'open', 10_000);
      return (await find(kind))!;
    },
    isOver: (kind) => until(`${kind} to be over`, async () => (await find(kind))?.state !== 'open', 10_000),
  };
}

const times = (count: number, act: (n: number) => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, n) => act(n).catch(() => undefined)));

test('a breaker that opens is an alert, and its end clears it; what was critical still waits for somebody who saw it (S3-24)', async (t) => {
  const { node, hurts, isOver, find } = await house(t);
  await node.serve(actor(users, { get: broken, find: broken, tell: broken }));
  await times(6, (n) => node.client(users, { retry: false }).get(n));
  const alert = await hurts('breaker-open');
  t.like(alert, { severity: 'critical', source: { service: 'users', method: 'get' }, level: 's5' });
  await node.breaker('users.get').close({ reason: 'seen to' });
  await isOver('breaker-open');
  t.is((await find('breaker-open'))?.state, 'cleared-unacked');
  t.is((await hurtsNot(node, 'recovered'))?.type, 'pleasure');
});

async function hurtsNot(node: ActorNode, kind: string): Promise<Alert | undefined> {
  await until(kind, async () => (await node.alerts.list({ kind })).length > 0);
  return (await node.alerts.list({ kind }))[0];
}

test('handlers that fail and letters that die are alerts of their mailbox', async (t) => {
  const { node, hurts, isOver } = await house(t, { errorRate: { minCalls: 5, windowMs: 1_000 } });
  await node.serve(actor(users, { get: broken, find: (n) => n, tell: broken }, { redelivery: { deliveries: 1 } }));
  await times(3, (n) => node.client(users).tell.cast(n));
  await times(5, (n) => node.client(users, { retry: false, breaker: false }).get(n));
  t.like(await hurts('error-rate'), { severity: 'critical', source: { service: 'users' } });
  t.like(await hurts('dead-letters'), { severity: 'medium', metrics: { scope: 'users@1', code: 'HANDLER' } });
  await isOver('error-rate');
  const letters = node.deadLetters(users);
  await until('the letters', async () => (await letters.list()).length === 3);
  for (const { id } of await letters.list()) await letters.drop(id);
  await isOver('dead-letters');
});

test('handlers of a node that refuse again and again are an alert', async (t) => {
  const { node, hurts } = await house(t);
  const refuse = (_id: number, ctx: { fail: (code: 'FORBIDDEN', details: unknown) => Error }): never => {
    throw ctx.fail('FORBIDDEN', 1);
  };
  await node.serve(actor(users, { get: refuse, find: (n) => n, tell: () => {} }));
  await times(5, (n) => node.client(users, { retry: false }).get(n));
  t.like(await hurts('auth-failures'), { severity: 'high', source: { service: 'users' } });
});

test('a critical service that fails is critical until a call of it succeeds (S1-47)', async (t) => {
  let works = false;
  const { node, hurts, isOver } = await house(t, { criticalServices: ['users'] });
  await node.serve(actor(users, { get: (n) => (works ? n : broken()), find: (n) => n, tell: () => {} }));
  const api = node.client(users, { retry: false, breaker: false });
  await times(3, (n) => api.get(n));
  t.like(await hurts('service-failing'), { severity: 'critical', source: { service: 'users' } });
  works = true;
  t.is(await api.get(1), 1);
  await isOver('service-failing');
});

test('a spent retry budget is an alert', async (t) => {
  const { node, hurts } = await house(
    t,
    {},
    {
      services: { users: { breaker: false, retry: { budgetRatio: 0.01, budgetPerSecond: 0, delayMs: 1 } } },
    },
  );
  await node.serve(actor(users, { get: (n) => n, find: broken, tell: () => {} }));
  await times(5, (n) => node.client(users).find(n));
  t.like(await hurts('retry-budget'), { severity: 'medium', source: { service: 'users' } });
});

test('a mailbox that fills up and refuses is an alert, and over when it has room', async (t) => {
  const { node, hurts, isOver } = await house(t);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  await node.serve(
    actor(users, { get: (n) => n, find: (n) => n, tell: () => gate }, { concurrency: 1, maxLength: 10 }),
  );
  await times(9, (n) => node.client(users).tell.cast(n));
  t.like(await hurts('mailbox-filling'), { severity: 'medium', metrics: { scope: 'users@1', maxLength: 10 } });
  await times(9, (n) => node.client(users).tell.cast(n));
  t.like(await hurts('mailbox-full'), { severity: 'high' });
  open();
  await isOver('mailbox-full');
  await isOver('mailbox-filling');
});

test('what is sent to nobody is an alert, and over when somebody serves it', async (t) => {
  const { node, hurts, isOver } = await house(t);
  await node.client(users).tell.cast(1);
  t.like(await hurts('no-consumers'), { severity: 'high', source: { service: 'users' } });
  await node.serve(actor(users, { get: (n) => n, find: (n) => n, tell: () => {} }));
  await isOver('no-consumers');
});

test('a node that dies is an alert, cleared by one of its name', async (t) => {
  const backend = memory();
  const { node, hurts, isOver } = await house(t, {}, { backend });
  const serves = {
    'users@1': { version: '1.0.0', methods: ['get'], status: 'healthy', weight: 1, tags: [], meta: {} },
  };
  const puppet = (): ReturnType<typeof member> =>
    member(t, backend, 'users-1', () => ({ status: 'healthy', serves: serves as never }), BEAT);
  const { id, link } = await puppet();
  await until('it to be seen', () => node.registry.instances('users').length === 1);
  (link.membership as unknown as { stopBeating(): void }).stopBeating();
  const alert = await hurts('node-expired');
  t.like(alert, { severity: 'high', metrics: { nodeId: id } });
  t.true(alert.tags?.includes(`node:${id}`));
  await puppet();
  await isOver('node-expired');
});

test('a check that fails again and again is an alert, over when it passes', async (t) => {
  const { node, hurts, isOver } = await house(t);
  let works = false;
  node.health.check('disk', () => works, { intervalMs: 20, errorIntervalMs: 20 });
  t.like(await hurts('check-failed'), { severity: 'high', metrics: { check: 'disk' } });
  works = true;
  await isOver('check-failed');
});

test('a main thread that stood is an alert of its node', async (t) => {
  const { node, hurts, isOver } = await house(t, { eventLoop: { mediumMs: 150, highMs: 5_000, calmMs: 300 } });
  const end = performance.now() + 400;
  while (performance.now() < end);
  t.like(await hurts('event-loop'), { severity: 'medium', metrics: { scope: `node:${node.id}` } });
  await isOver('event-loop');
});

test('threads that die one after the other are an alert of their mailbox', async (t) => {
  t.timeout(60_000);
  const { node, hurts } = await house(t);
  const mill = contract('mill', { methods: { die: {} } });
  await node.serve(new URL('../../fixtures/mill.actor.js', import.meta.url), { pool: 'threads', threads: 1 });
  await times(1, () => node.client(mill, { retry: false, breaker: false, timeoutMs: 20_000 }).die());
  t.like(await hurts('worker-crash-loop'), { severity: 'high', source: { service: 'mill' } });
});

test('live settings that a node cannot use are its alert', async (t) => {
  const backend = memory();
  const { hurts } = await house(t, {}, { backend });
  const { link } = await member(t, backend, 'b');
  await link.records.change({
    family: 'settings',
    name: 'users',
    body: { settings: { colour: 'blue' } },
    expected: 0,
    by: 'a newer version',
  });
  t.like(await hurts('config-rejected'), { severity: 'medium', source: { service: 'users' } });
});

/** Refuses to append as long as it is full. */
function filling(inner: Backend, isFull: () => boolean): Backend {
  return {
    name: inner.name,
    connect: async (identity) => {
      const link = await inner.connect(identity);
      const { append } = link.broker;
      link.broker.append = (request) =>
        isFull() ? Promise.reject(new BackendFull('append: no memory left')) : append.call(link.broker, request);
      return link;
    },
  };
}

test('a backend without memory is one critical alert, over when it takes again', async (t) => {
  let full = true;
  const backend = filling(memory(), () => full);
  const { node, hurts, isOver } = await house(t, { backendMemory: { calmMs: 300 } }, { backend });
  await times(10, (n) => node.client(users, { timeoutMs: 100 }).tell.cast(n));
  const alert = await hurts('redis-full');
  t.like(alert, { severity: 'critical', level: 's5' });
  full = false;
  await isOver('redis-full');
  t.is((await node.alerts.list({ kind: 'redis-full' })).length, 1);
});

test('ten thousand messages without an error are told as a joy', async (t) => {
  const { node } = await house(t, { errorFree: { messages: 50 } });
  await node.serve(actor(users, { get: (n) => n, find: (n) => n, tell: () => {} }));
  await times(60, (n) => node.client(users).get(n));
  t.like(await hurtsNot(node, 'error-free'), { type: 'pleasure', source: { service: 'users' } });
});

test('sources that are switched off say nothing', async (t) => {
  const { node, find } = await house(t, {}, { alerts: { sources: false } });
  await node.serve(actor(users, { get: broken, find: broken, tell: broken }));
  await times(6, (n) => node.client(users, { retry: false }).get(n));
  await until('the breaker', () => node.breakers().some(({ phase }) => phase === 'open'));
  t.is(await find('breaker-open'), undefined);
});

test('where nothing hurts the backend is asked nothing and told nothing', async (t) => {
  const asked: string[] = [];
  const inner = memory();
  const backend: Backend = {
    name: 'counted',
    connect: async (identity) => {
      const link = await inner.connect(identity);
      for (const [port, methods] of [
        [link.alerts, ['commit', 'permit', 'claim']],
        [link.broker, ['depth']],
      ] as const) {
        for (const method of methods) {
          const act = (port as never)[method] as ((...given: unknown[]) => unknown) | undefined;
          if (act === undefined) continue;
          Object.assign(port, { [method]: (...given: unknown[]) => (asked.push(method), act.apply(port, given)) });
        }
      }
      return link;
    },
  };
  const { node } = await house(t, { lookMs: 10, eventLoop: false }, { backend });
  await node.serve(actor(users, { get: (n) => n, find: (n) => n, tell: () => {} }));
  await times(200, (n) => node.client(users).get(n));
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.deepEqual(asked, []);
});
