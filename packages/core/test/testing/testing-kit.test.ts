import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { z } from 'zod';
import { contract } from '../../src/contract/contract.ts';
import { TransportError } from '../../src/ground/errors.ts';
import { memory } from '../../src/backends/memory.ts';
import {
  createTestNode,
  mockActor,
  simulateFailures,
  virtualClock,
  waitFor,
  type TestNode,
  type TestNodeOptions,
} from '../../src/testing/index.ts';

const api = contract('api', {
  methods: {
    fetch: {
      input: z.object({ path: z.string().default('/') }),
      output: z.object({ status: z.number(), body: z.string() }),
      kind: 'query',
    },
    store: { input: z.string(), errors: { TAKEN: z.object({ by: z.string() }) } },
    forget: {},
  },
});

async function testNode(t: ExecutionContext, options?: TestNodeOptions): Promise<TestNode> {
  const node = await createTestNode(options);
  t.teardown(() => node.close());
  return node;
}

async function errorOf(promise: Promise<unknown>): Promise<{ code: string }> {
  return promise.then(
    () => {
      throw new Error('it was answered');
    },
    (thrown: unknown) => thrown as { code: string },
  );
}

test('a mock of a service answers what it was told, and remembers what it was asked (S3-47)', async (t) => {
  const node = await testNode(t);
  const mock = mockActor(api, { fetch: { status: 200, body: 'fine' } });
  await node.serve(mock);
  t.deepEqual(await node.client(api).fetch({}, { headers: { page: '2' } }), { status: 200, body: 'fine' });
  t.deepEqual(
    mock.calls.fetch.map(({ input }) => input),
    [{ path: '/' }],
    'as it was parsed',
  );
  t.like(mock.calls.fetch[0]?.ctx, { method: 'fetch', attempt: 1, caller: node.id, headers: { page: '2' } });
  mock.reset();
  t.deepEqual(mock.calls, { fetch: [], store: [], forget: [] });
});

test('five simulated failures open the breaker, and it closes again when its time has come (S3-47)', async (t) => {
  const clock = virtualClock();
  const node = await testNode(t, { clock });
  const mock = mockActor(api, { fetch: { status: 200, body: 'back' } });
  await node.serve(mock);
  const client = node.client(api, { retry: false });
  const failures = simulateFailures(node, api, 5);
  for (let call = 0; call < 5; call += 1) t.is((await errorOf(client.fetch({}))).code, 'HANDLER');
  t.is(failures.remaining, 0);
  t.is((await errorOf(client.fetch({}))).code, 'CIRCUIT_OPEN');
  t.is(mock.calls.fetch.length, 0, 'nothing was sent');
  await clock.advance(31_000);
  t.is((await client.fetch({})).body, 'back');
});

test('retries see simulated failures, and what runs out of them is answered', async (t) => {
  const clock = virtualClock();
  const node = await testNode(t, { clock });
  const mock = mockActor(api, { fetch: { status: 200, body: 'at last' } });
  await node.serve(mock);
  simulateFailures(node, 'api.fetch', 2);
  const answer = node.client(api).fetch.try({});
  await clock.advance(2_000);
  t.like(await answer, { ok: true, value: { status: 200, body: 'at last' }, attempts: 3 });
  t.is(mock.calls.fetch.length, 1);
});

test('a fallback answers for a service that fails', async (t) => {
  const node = await testNode(t);
  using failures = simulateFailures(node, 'api', Infinity, new Error('no route'));
  const client = node.client(api, {
    retry: false,
    fallback: (error) => ({ status: 503, body: `${error.code}: ${error.message}` }),
  });
  t.like(await client.fetch.try({}), { value: { status: 503, body: 'HANDLER: no route' }, degraded: 'HANDLER' });
  t.is(failures.remaining, Infinity);
});

test('failures hit the one method they are for, as the error they are, until they are stopped', async (t) => {
  const node = await testNode(t);
  const mock = mockActor(api, { fetch: { status: 200, body: '' }, forget: undefined });
  await node.serve(mock);
  const client = node.client(api, { retry: false });
  const failures = simulateFailures(node, 'api.forget', 3, new TransportError('cut off', { outcome: 'unknown' }));
  t.is((await client.fetch({})).status, 200);
  t.like(await errorOf(client.forget()), { code: 'TRANSPORT', message: 'cut off', outcome: 'unknown' });
  t.is(failures.remaining, 2);
  await client.forget.cast();
  await waitFor(() => mock.calls.forget.length === 1, { withinMs: 5_000, what: 'the cast, which is let through' });
  failures.stop();
  t.is(failures.remaining, 0);
  t.is(await client.forget(), undefined);
});

test('failures of calls to an actor of the same node are simulated as well', async (t) => {
  const node = await testNode(t, { defaults: { delivery: 'local' } });
  await node.serve(mockActor(api, { fetch: { status: 200, body: '' } }));
  simulateFailures(node, api, 1);
  const client = node.client(api, { retry: false });
  t.is((await errorOf(client.fetch({}))).code, 'HANDLER');
  t.is((await client.fetch({})).status, 200);
});

test('failures are simulated for a positive number of calls of a node', async (t) => {
  const node = await testNode(t);
  for (const count of [0, -1, 1.5, Number.NaN])
    t.throws(() => simulateFailures(node, api, count), { code: 'CONFIG', message: /count/ });
  t.throws(() => simulateFailures({ ...node }, api, 1), { code: 'CONFIG', message: /no node/ });
});

test('a mock runs functions with their context, redelivers, and says which method has no implementation', async (t) => {
  const node = await testNode(t);
  const mock = mockActor(
    api,
    {
      store: (_input, ctx) => {
        if (ctx.key === undefined) throw ctx.fail('TAKEN', { by: ctx.caller });
        if (ctx.attempt === 1) throw new Error('once more');
      },
    },
    { redelivery: { delayMs: 10 } },
  );
  await node.serve(mock);
  const client = node.client(api);
  t.like(await errorOf(client.store('a')), { code: 'TAKEN', details: { by: node.id } });
  await client.store.cast('b', { key: 'k' });
  await waitFor(() => mock.calls.store.length === 3, { withinMs: 5_000, what: 'the redelivery' });
  t.deepEqual(
    mock.calls.store.map(({ input, ctx }) => [input, ctx.attempt, ctx.key]),
    [
      ['a', 1, undefined],
      ['b', 1, 'k'],
      ['b', 2, 'k'],
    ],
  );
  t.like(await errorOf(client.fetch({})), {
    code: 'CONFIG',
    message: 'mockActor api: fetch was called, and has no implementation',
  });
  t.is(mock.calls.fetch.length, 1);
  t.throws(() => mockActor(api, { fly: 1 } as object), {
    code: 'CONFIG',
    message: 'mockActor api: fly is not in the contract',
  });
});

test('nodes of one world find each other, and those of another do not', async (t) => {
  const server = await testNode(t, { name: 'server' });
  await server.serve(mockActor(api, { fetch: { status: 200, body: 'from the server' } }));
  const caller = await testNode(t, { name: 'caller', backend: server.backend });
  t.is((await caller.client(api).fetch({})).body, 'from the server');
  const stranger = await testNode(t);
  t.like(await errorOf(stranger.client(api, { failFast: true }).fetch({})), { code: 'SERVICE_NOT_FOUND' });
  await t.throwsAsync(createTestNode({ backend: memory(), clock: virtualClock() }), { code: 'CONFIG' });
});

test('a test node ends with its scope', async (t) => {
  let left: TestNode;
  {
    await using node = await createTestNode();
    left = node;
    t.true((await node.link()).member);
  }
  await t.throwsAsync(left.client(api).fetch({}), { code: 'NODE_CLOSED' });
});

test('deadlines of calls follow the virtual clock', async (t) => {
  const clock = virtualClock();
  const node = await testNode(t, { clock, timeoutMs: 30_000, drainMs: 10 });
  await node.serve(mockActor(api, { fetch: () => new Promise(() => undefined) }));
  let ended: string | undefined;
  const call = errorOf(node.client(api, { retry: false }).fetch({})).then((error) => (ended = error.code));
  await clock.advance(29_900);
  t.is(ended, undefined);
  await clock.advance(200);
  t.is(await call, 'CALL_TIMEOUT');
});

test('delayed casts and checks follow the virtual clock', async (t) => {
  const clock = virtualClock();
  const node = await testNode(t, { clock });
  const mock = mockActor(api, { store: undefined });
  await node.serve(mock);
  let checks = 0;
  node.health.check('disk', () => void (checks += 1), { intervalMs: 60_000 });
  await node.client(api).store.cast('later', { delayMs: 3_600_000 });
  await clock.advance(3_599_000);
  t.is(mock.calls.store.length, 0);
  t.true(checks >= 50 && checks <= 70, `${checks} checks in an hour`);
  await clock.advance(2_000);
  await waitFor(() => mock.calls.store.length === 1, { withinMs: 5_000, what: 'the cast' });
});

test('the death of a silent node is seen when virtual time has passed', async (t) => {
  const clock = virtualClock();
  const backend = memory({ clock });
  const watcher = await testNode(t, { name: 'watcher', backend });
  await watcher.serve(mockActor(api, { fetch: { status: 200, body: '' } }));
  const link = await backend.connect({
    name: 'silent',
    namespace: 'homeostat',
    beat: { intervalMs: 1_000_000, ttlMs: 3_000_000, stallMs: 1_000, evictMs: 30_000 },
    log: pino({ level: 'silent' }),
  });
  const report = { name: 'silent', pid: 1, host: 'h', startedAt: 0, status: 'healthy' as const, serves: {} };
  await link.membership.join(
    { report: () => report, vitals: () => ({}) as never },
    {
      evicted: () => undefined,
      inbox: () => undefined,
      news: () => undefined,
      alerts: () => undefined,
      beaten: () => undefined,
    },
  );
  const members = async (): Promise<number> => (await link.membership.members()).members.length;
  t.is(await members(), 2);
  await clock.advance(3_000);
  t.is(await members(), 1);
  await link.close();
});
