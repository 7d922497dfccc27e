/** What calls feel: too many retries, refusals, services that everything depends on; and what the backend refuses. */
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import type { Sources } from '../../../src/alerts/sources/sources.ts';
import type { BackendMemory, Link } from '../../../src/backend.ts';
import { memory } from '../../../src/backends/memory.ts';
import { actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import { BackendFull, codeOf, TransportError, type HomeostatError } from '../../../src/ground/errors.ts';
import { createNode } from '../../../src/node/create-node.ts';
import type { ActorNode } from '../../../src/node/node.ts';
import { pipeline, pipelineNeeds } from '../../../src/resilience/pipeline.ts';
import { Flusher } from '../../../src/ground/flusher.ts';
import { Outbox } from '../../../src/sending/outbox.ts';
import { Settler } from '../../../src/serving/settler.ts';
import { virtualClock } from '../../../src/testing/virtual-clock.ts';
import { broken, failing, NOTHING, OpenPermits, ResilienceHouse, retryOf } from '../../resilience/house.ts';
import { alone, around, log, until, type Stage } from './stage.ts';

const LOOK_MS = 15_000;

const shop = contract('shop', {
  methods: {
    pay: { input: z.number(), output: z.number(), errors: { BROKE: z.any(), UNAUTHORIZED: z.any() } },
  },
});

/** What `pay` does: takes 0 and above, and fails in its own way below. */
const HOW: Record<number, string> = { [-1]: 'HANDLER', [-2]: 'BROKE', [-3]: 'UNAUTHORIZED' };

async function open(t: ExecutionContext, sources: () => Sources | undefined): Promise<ActorNode> {
  const node = await createNode({
    name: 'a',
    backend: memory(),
    log,
    signals: false,
    drainMs: 20,
    middleware: {
      client: async ({ service, method }, next) => {
        try {
          const value = await next();
          sources()?.called(service, method, undefined);
          return value;
        } catch (thrown) {
          sources()?.called(service, method, thrown as HomeostatError);
          throw thrown;
        }
      },
      server: async ({ actor: service }, next) => {
        try {
          return await next();
        } catch (thrown) {
          sources()?.ended(`${service}@1`, 1, false, codeOf(thrown), true);
          throw thrown;
        }
      },
    },
  });
  t.teardown(() => node.close());
  await node.serve(
    actor(shop, {
      pay: (sum, ctx) => {
        const how = HOW[sum];
        if (how === 'HANDLER') throw new Error('broken');
        if (how !== undefined) throw ctx.fail(how as 'BROKE', 1);
        return sum;
      },
    }),
  );
  return node;
}

async function calls(node: ActorNode, sums: readonly number[]): Promise<void> {
  const api = node.client(shop, { retry: false, breaker: false });
  for (const sum of sums) await api.pay(sum).catch(() => undefined);
}

test('a spent retry budget is pain, over a minute after the last refusal', async (t) => {
  const house = new ResilienceHouse();
  const { clock } = house;
  const { heard, sources }: Stage = alone(t, { timers: clock });
  const permits = new OpenPermits();
  permits.answer = () => ({ granted: 0, waitsMs: [] });
  const { breaking } = house.node();
  const link = { cache: {} as Link['cache'], permits };
  const needs = pipelineNeeds({
    timers: clock,
    log,
    breaking,
    link,
    maxBodyBytes: 1_000,
    budgetSpent: (service) => sources.retryRefused(service),
  });
  const send = pipeline({ ...NOTHING, retry: retryOf() }, needs, failing(clock, broken, broken, broken).send);
  const error = await t.throwsAsync(send(house.request()));
  t.is(codeOf(error), 'RETRY_BUDGET_EXHAUSTED');
  t.like(heard.open[0], { severity: 'medium', count: 1 });
  t.is(heard.open[0]?.options.kind, 'retry-budget');
  await clock.advance(45_000);
  t.is(heard.open.length, 1);
  await clock.advance(LOOK_MS);
  t.deepEqual(heard.told, ['medium retry-budget', 'clear retry-budget']);
});

test('handlers that refuse five in a minute are pain, four are none', async (t) => {
  const clock = virtualClock();
  let sources: Sources | undefined;
  const node = await open(t, () => sources);
  const stage = around(t, node, { timers: clock });
  sources = stage.sources;
  await calls(node, [-3, -3, -3, -3, -2, 1]);
  t.deepEqual(stage.heard.told, []);
  await calls(node, [-3]);
  t.like(stage.heard.open[0], { severity: 'high' });
  t.like(stage.heard.open[0]?.options, { kind: 'auth-failures', service: 'shop' });
  await clock.advance(60_000);
  t.deepEqual(stage.heard.told, ['high auth-failures', 'clear auth-failures']);
});

test('calls of this node that others refuse are counted where calls are counted anyway', async (t) => {
  const clock = virtualClock();
  let refused = 3;
  const callStats = (): Record<string, never> =>
    ({ shop: { attempts: 9, successes: {}, failures: { FORBIDDEN: refused, HANDLER: 70 } } }) as never;
  const { heard } = alone(t, { timers: clock, callStats });
  await clock.advance(LOOK_MS);
  t.deepEqual(heard.told, []);
  refused = 5;
  await clock.advance(LOOK_MS);
  t.deepEqual(heard.told, ['high auth-failures']);
  await clock.advance(60_000);
  t.deepEqual(heard.told, ['high auth-failures', 'clear auth-failures']);
});

test('three failed calls in a row of a critical service are critical, until one succeeds (S1-47)', async (t) => {
  let sources: Sources | undefined;
  const node = await open(t, () => sources);
  const stage = around(t, node, { policy: { criticalServices: ['shop'] } });
  const { heard } = stage;
  sources = stage.sources;
  t.true(sources.watchesCalls('shop'));
  t.false(sources.watchesCalls('users'));
  await calls(node, [-1, -1, 1, -1, -1, -2, -1, -1]);
  t.deepEqual(heard.told, [], 'what the service means to answer is an answer');
  await calls(node, [Number.NaN, -1]);
  t.deepEqual(heard.told, ['critical service-failing'], 'a wrong input is no failure, and no success');
  t.like(heard.open[0]?.options, { service: 'shop', metrics: { failures: 3, method: 'pay', code: 'HANDLER' } });
  await calls(node, [1]);
  t.deepEqual(heard.told, ['critical service-failing', 'clear service-failing']);
});

test('a service that nobody named may fail as it likes', async (t) => {
  let sources: Sources | undefined;
  const node = await open(t, () => sources);
  const stage = around(t, node);
  sources = stage.sources;
  await calls(node, [-1, -1, -1, -1]);
  t.deepEqual(
    stage.heard.told.filter((word) => word.includes('service-failing')),
    [],
  );
});

/** What sends and settles on a broker that refuses everything. */
async function refusing(error: HomeostatError, told: (error: HomeostatError) => void): Promise<void> {
  const flusher = new Flusher();
  const outbox = new Outbox(
    {
      transmit: () => Promise.reject(error),
      from: () => 'a',
      ready: () => Promise.resolve(),
      share: () => 0,
      now: () => 1_000,
      failed: told,
    },
    flusher,
    1_000,
  );
  await new Promise<void>((resolve) => {
    outbox.cast('pay', 1, 0, undefined, undefined, {
      wanted: true,
      travels: false,
      accepted: resolve,
      refused: () => resolve(),
    });
  });
  outbox.close();
}

test('a backend without memory is critical at once, once for a thousand refusals, and over when it takes again', async (t) => {
  const clock = virtualClock();
  const { heard, sources } = alone(t, { timers: clock });
  for (let n = 0; n < 50; n += 1)
    await refusing(new BackendFull('append: Redis has no memory left'), (error) => sources.backendFailed(error));
  t.like(heard.open[0], { severity: 'critical', count: 1 });
  t.is(heard.open[0]?.options.kind, 'redis-full');
  await clock.advance(75_000);
  t.deepEqual(heard.told, ['critical redis-full', 'clear redis-full']);
});

test('endings that the backend refuses are heard as well', async (t) => {
  const { heard, sources } = alone(t);
  const broker = { settle: () => Promise.reject(new BackendFull('settle: Redis has no memory left')) } as never;
  const settler = new Settler(broker, new Flusher(), log, (error) => sources.backendFailed(error));
  settler.add({ kind: 'done', claim: {} as never });
  await until('the pain', () => heard.open.length > 0);
  settler.close();
  t.deepEqual(heard.told, ['critical redis-full']);
});

test('the memory of the backend hurts from 80 % on, more from 90 % on (redis-full)', async (t) => {
  const clock = virtualClock();
  let used: BackendMemory | undefined;
  const { heard } = alone(t, { timers: clock, backendMemory: () => used });
  await clock.advance(LOOK_MS);
  for (const [part, words] of [
    [79, []],
    [80, ['medium redis-full']],
    [91, ['medium redis-full', 'high redis-full']],
    [75, ['medium redis-full', 'high redis-full']],
    [71, ['medium redis-full', 'high redis-full', 'clear redis-full']],
  ] as const) {
    used = { used: part * 1_048_576, max: 100 * 1_048_576 };
    await clock.advance(LOOK_MS);
    t.deepEqual(heard.told, [...words]);
  }
  used = { used: 1_048_576, max: 0 };
  await clock.advance(LOOK_MS);
  t.is(heard.open.length, 0, 'without a limit nothing is full');
});

test('of many nodes two tell of what all of them see of the backend', async (t) => {
  const clock = virtualClock();
  const stages = [0, 1, 2, 3].map((rank) =>
    alone(t, { timers: clock, rank: () => rank, backendMemory: () => ({ used: 95, max: 100 }) }),
  );
  await clock.advance(LOOK_MS);
  t.deepEqual(
    stages.map(({ heard }) => heard.open.length),
    [1, 1, 0, 0],
  );
});

test('a backend that does not let this node do its work is pain at the first refusal', async (t) => {
  const { heard, sources } = alone(t);
  const why = 'append: the Redis user may not do this (NOPERM): check its ACL';
  await refusing(new TransportError(why, { retryable: false, outcome: 'not-executed' }), (error) =>
    sources.backendFailed(error),
  );
  t.like(heard.open[0], { severity: 'high' });
  t.like(heard.open[0]?.options, { kind: 'auth-failures', scope: 'backend' });
});

test('a backend that is merely away is no pain of these', async (t) => {
  const { heard, sources } = alone(t);
  sources.backendFailed(new TransportError('append: ECONNRESET'));
  t.deepEqual(heard.told, []);
});
