/** What handlers feel: they fail, they are slow, their threads die; and what goes well. */
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { memory } from '../../../src/backends/memory.ts';
import { actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import { codeOf } from '../../../src/ground/errors.ts';
import { createNode } from '../../../src/node/create-node.ts';
import type { ActorNode, NodeOptions } from '../../../src/node/node.ts';
import { virtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import type { Sources } from '../../../src/alerts/sources/sources.ts';
import { alone, around, log, until, type Stage } from './stage.ts';

const LOOK_MS = 15_000;

const users = contract('users', {
  methods: { get: { input: z.number(), output: z.number(), errors: { GONE: z.any() } }, tell: { input: z.number() } },
});

interface House extends Stage {
  readonly clock: VirtualClock;
  readonly node: ActorNode;
  /** What handlers take by this clock, ms. */
  ms: number;
}

const BLAMED = new Set(['HANDLER', 'HANDLER_TIMEOUT', 'INTERNAL', 'WORKER']);

/** A node whose handlers fail for numbers below 0; what each comes to is told as its runtime does. */
async function house(t: ExecutionContext, options: NodeOptions = {}, policy: object = {}): Promise<House> {
  const clock = virtualClock();
  let sources: Sources | undefined;
  const made = await createNode({
    name: 'a',
    backend: memory({ clock }),
    log,
    signals: false,
    drainMs: 20,
    ...options,
    middleware: {
      server: async (request, next) => {
        const isCall = request.method === 'get';
        try {
          const value = await next(request.input);
          sources?.ended(users.mailbox, stage.ms, false, undefined, isCall);
          return value;
        } catch (thrown) {
          const code = codeOf(thrown);
          sources?.ended(users.mailbox, stage.ms, BLAMED.has(code), code, isCall);
          throw thrown;
        }
      },
    },
  });
  t.teardown(() => made.close());
  await made.serve(
    actor(users, {
      get: (id, ctx) => {
        if (id === -2) throw ctx.fail('GONE', 1);
        if (id < 0) throw new Error('broken');
        return id;
      },
      tell: () => undefined,
    }),
  );
  const watched = around(t, made, { timers: clock, policy });
  sources = watched.sources;
  const stage: House = { ...watched, clock, node: made, ms: 1 };
  return stage;
}

async function calls(node: ActorNode, ids: readonly number[]): Promise<void> {
  const api = node.client(users, { retry: false, breaker: false });
  await Promise.all(ids.map((id) => api.get(id).catch(() => undefined)));
}

/** `failing` of `all` fail. */
const mix = (all: number, failing: number, how = -1): number[] =>
  Array.from({ length: all }, (_, n) => (n < failing ? how : n));

test('handlers that fail hurt as much as they fail, and no more when they stop (S4-21)', async (t) => {
  const { node, clock, heard } = await house(t);
  await calls(node, mix(100, 4));
  await clock.advance(LOOK_MS);
  t.deepEqual(heard.told, []);
  await calls(node, mix(100, 8));
  await clock.advance(LOOK_MS);
  t.is(heard.find('error-rate', 'users@1')?.severity, 'medium', '12 of 200');
  t.like(heard.open[0]?.options.metrics, { errorRate: 0.06, failed: 12, ended: 200 });
  await calls(node, mix(100, 20));
  await clock.advance(LOOK_MS);
  t.is(heard.find('error-rate')?.severity, 'high', '32 of 300');
  await calls(node, mix(100, 60));
  await clock.advance(LOOK_MS);
  t.is(heard.find('error-rate')?.severity, 'critical', '92 of 400');
  t.is(heard.open.length, 1, 'one alert that grows');
  for (let look = 0; look < 4; look += 1) {
    await calls(node, mix(100, 0));
    await clock.advance(LOOK_MS);
  }
  t.is(heard.find('error-rate'), undefined);
});

test('a few calls say nothing of a rate, and what a contract declares is no failure', async (t) => {
  const { node, clock, heard } = await house(t);
  await calls(node, mix(19, 19));
  await clock.advance(4 * LOOK_MS);
  await calls(node, mix(100, 100, -2));
  await clock.advance(LOOK_MS);
  t.deepEqual(
    heard.told.filter((word) => word.endsWith('error-rate')),
    [],
  );
});

test('handlers that somebody waits for and that take long hurt; those of casts may take their time (S4-21)', async (t) => {
  const own = await house(t, {}, { lookMs: LOOK_MS });
  const { node, clock, heard } = own;
  own.ms = 5_000;
  for (let look = 0; look < 4; look += 1) {
    await Promise.all(mix(30, 0).map((id) => node.client(users).tell.cast(id)));
    await until('the mailbox to be empty', async () => (await node.depth(users)).messages === 0);
    await clock.advance(LOOK_MS);
  }
  t.deepEqual(heard.told, []);
  for (const [ms, severity] of [
    [600, 'medium'],
    [1_100, 'high'],
    [1_300, 'critical'],
  ] as const) {
    own.ms = ms;
    for (let look = 0; look < 8; look += 1) {
      await calls(node, mix(30, 0));
      await clock.advance(LOOK_MS);
    }
    t.is(heard.find('response-time', 'users@1')?.severity, severity);
  }
  own.ms = 10;
  for (let look = 0; look < 8; look += 1) {
    await calls(node, mix(30, 0));
    await clock.advance(LOOK_MS);
  }
  t.is(heard.find('response-time'), undefined);
});

test('a service that takes long by nature has a limit of its own', async (t) => {
  const own = await house(t, {}, { responseTime: { services: { users: 10_000 } } });
  own.ms = 4_900;
  for (let look = 0; look < 4; look += 1) {
    await calls(own.node, mix(30, 0));
    await own.clock.advance(LOOK_MS);
  }
  t.deepEqual(own.heard.told, []);
  own.ms = 5_500;
  for (let look = 0; look < 8; look += 1) {
    await calls(own.node, mix(30, 0));
    await own.clock.advance(LOOK_MS);
  }
  t.deepEqual(own.heard.told, ['medium response-time']);
});

test('ten thousand messages without an error are a joy, and the next takes ten times as many', async (t) => {
  const { node, clock, heard } = await house(t, {}, { errorFree: { messages: 100 } });
  await calls(node, mix(99, 0));
  await calls(node, mix(1, 1));
  await calls(node, mix(99, 0));
  await clock.advance(LOOK_MS);
  t.deepEqual(heard.pleasures, []);
  await calls(node, mix(1, 0));
  await clock.advance(LOOK_MS);
  t.like(heard.pleasures, [{ kind: 'error-free', service: 'users', metrics: { messages: 100, scope: 'users@1' } }]);
  await calls(node, mix(800, 0));
  await clock.advance(LOOK_MS);
  t.is(heard.pleasures.length, 1);
  await calls(node, mix(100, 0));
  await clock.advance(LOOK_MS);
  t.is(heard.pleasures.length, 2);
});

test('a mailbox that answers a fifth faster than usual is a joy', async (t) => {
  const own = await house(t);
  const { node, clock, heard } = own;
  const window = async (ms: number, samples = 200): Promise<void> => {
    own.ms = ms;
    await calls(node, mix(samples, 0));
    await clock.advance(300_000);
  };
  await clock.advance(LOOK_MS);
  for (const ms of [100, 104, 96, 100]) await window(ms);
  t.deepEqual(heard.pleasures, []);
  await window(88);
  t.deepEqual(heard.pleasures, [], 'not by enough');
  await window(40, 199);
  t.deepEqual(heard.pleasures, [], 'too few to say');
  await window(70);
  t.like(heard.pleasures, [{ kind: 'faster', service: 'users' }]);
  t.regex(heard.pleasures[0]?.message ?? '', /users@1: 99 % end [23]\d % faster than usual/);
});

test('threads that die one after the other are pain, over when they live', async (t) => {
  t.timeout(60_000);
  const mill = contract('mill', { methods: { die: {}, grind: { input: z.any(), output: z.any() } } });
  const clock = virtualClock();
  const one = await createNode({ name: 'mill', backend: memory(), log, signals: false, drainMs: 100 });
  t.teardown(() => one.close());
  await one.serve(new URL('../../fixtures/mill.actor.js', import.meta.url), { pool: 'threads', threads: 1 });
  const { heard } = around(t, one, { timers: clock });
  const api = one.client(mill, { retry: false, breaker: false, timeoutMs: 20_000 });
  await t.throwsAsync(api.die());
  await until('the pain', () => heard.open.length > 0, 20_000);
  t.like(heard.open[0], { severity: 'high' });
  t.like(heard.open[0]?.options, { kind: 'worker-crash-loop', service: 'mill', scope: 'mill@1' });
  t.regex(heard.open[0]?.message ?? '', /mill@1: 3 of its threads died within 60 s; the last: it exited with code 1/);
  await api.grind({ n: 1 });
  await clock.advance(60_000);
  t.deepEqual(heard.told, ['high worker-crash-loop', 'clear worker-crash-loop']);
});

test('two deaths in a minute are no loop', (t) => {
  const clock = virtualClock();
  let died = (_event: unknown): void => {};
  const events = {
    on: (name: string, listener: (event: never) => void) => {
      if (name === 'thread') died = listener as never;
      return () => {};
    },
  };
  const { heard } = alone(t, { timers: clock, events: events as never });
  died({ mailbox: 'mill@1', reason: 'it died' });
  died({ mailbox: 'mill@1', reason: 'it died' });
  died({ mailbox: 'grind@1', reason: 'it died' });
  t.deepEqual(heard.told, []);
});
