/** What a node feels of itself: its loop, its process, its checks, its settings. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import test from 'ava';
import { memory } from '../../../src/backends/memory.ts';
import { LiveConfig, SETTINGS } from '../../../src/config/live.ts';
import { Emitter } from '../../../src/node/events.ts';
import { measureLoopDelay } from '../../../src/health/loop-delay.ts';
import { sleep } from '../../../src/ground/loop.ts';
import { createNode } from '../../../src/node/create-node.ts';
import { Policies } from '../../../src/policies/policies.ts';
import { virtualClock } from '../../../src/testing/virtual-clock.ts';
import { BEAT_MS, setUp } from '../../health/stage.ts';
import { alone, around, log, member, until } from './stage.ts';

const LOOK_MS = 15_000;

test.serial('a main thread that stood is pain by how long, over when it has run freely for a while', async (t) => {
  const clock = virtualClock();
  const { heard, sources } = alone(t, { timers: clock, policy: { eventLoop: {} } });
  const loopDelay = measureLoopDelay();
  const stage = setUp({ loopDelay, hooks: { stood: (ms) => sources.stood(ms) } });
  t.teardown(() => stage[Symbol.dispose]());
  const block = async (ms: number): Promise<void> => {
    await sleep(120);
    loopDelay.takeMs();
    const until = performance.now() + ms;
    while (performance.now() < until);
    await stage.clock.advance(BEAT_MS);
    await clock.advance(1_000);
  };
  await block(700);
  t.like(heard.open[0], { severity: 'medium' });
  t.like(heard.open[0]?.options, { kind: 'event-loop', scope: 'node:self-1' });
  await block(1_200);
  t.is(heard.open[0]?.severity, 'high');
  t.regex(heard.open[0]?.message ?? '', /node self-1: its main thread stood for 1\d\d\d ms/);
  await clock.advance(45_000);
  t.deepEqual(heard.told, ['medium event-loop', 'high event-loop', 'clear event-loop']);
});

test.serial('a process that computes all the time is pain, and one busy look is none (S4-21)', async (t) => {
  const { heard } = alone(t, { policy: { cpu: {}, lookMs: 60 } });
  await sleep(200);
  const isCritical = (): boolean => heard.find('process-cpu', 'node:self-1')?.severity === 'critical';
  const busyUntil = performance.now() + 5_000;
  while (performance.now() < busyUntil && !isCritical()) {
    const slice = performance.now() + 50;
    while (performance.now() < slice);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(isCritical());
  await until('it to be over', () => heard.open.length === 0);
});

test.serial('a process near the end of its memory is pain (S4-21)', async (t) => {
  const { heard } = alone(t, { policy: { memory: { medium: 0.000_1, high: 0.000_2 }, lookMs: 10 } });
  await until('the pain', () => heard.open.length > 0);
  t.like(heard.open[0], { severity: 'high' });
  t.like(heard.open[0]?.options, { kind: 'process-memory', scope: 'node:self-1' });
  t.regex(heard.open[0]?.message ?? '', /node self-1: \d+ % of the memory it may use/);
});

test.serial('open sockets hurt from the limit on, and no more when they are closed (S4-21)', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const { heard } = alone(t, { policy: { connections: { medium: 10, high: 20, critical: 40 }, lookMs: 20 } });
  for (let n = 0; n < 12; n += 1) sockets.push(connect(port, '127.0.0.1'));
  await until('the pain', () => heard.find('process-connections')?.severity === 'high');
  for (const socket of sockets) socket.destroy();
  await until('it to be over', () => heard.open.length === 0);
  t.deepEqual(heard.told.at(-1), 'clear process-connections');
});

test('a node that has joined again under another id clears what hurt the old one', async (t) => {
  let id = 'a-1';
  const { heard } = alone(t, { selfId: () => id, policy: { memory: { medium: 0.000_1 }, lookMs: 10 } });
  await until('the pain', () => heard.find('process-memory', 'node:a-1') !== undefined);
  id = 'a-2';
  await until('that of the other', () => heard.find('process-memory', 'node:a-2') !== undefined);
  t.is(heard.open.length, 1);
});

test('a check that fails again and again is pain, over when it passes', async (t) => {
  const { heard, sources } = alone(t);
  const stage = setUp({
    hooks: { hurt: (hurt) => sources.checkHurt(hurt), healed: (healed) => sources.checkHealed(healed) },
  });
  t.teardown(() => stage[Symbol.dispose]());
  let works = false;
  const check = (): boolean => works;
  stage.health.check('disk', check, { intervalMs: 1_000, errorIntervalMs: 1_000 });
  const remove = stage.health.check('database', check, { service: 'users', intervalMs: 1_000, errorIntervalMs: 1_000 });
  await stage.clock.advance(4_500);
  t.deepEqual(heard.told, [], 'five failures are borne');
  await stage.clock.advance(3_000);
  t.deepEqual(heard.told, ['high check-failed', 'high check-failed']);
  const [ofNode, ofService] = heard.open.map(({ options }) => options);
  t.like(ofNode, { scope: 'disk of self-1', tags: ['node:self-1'], metrics: { check: 'disk', failures: 6 } });
  t.like(ofService, { service: 'users', scope: 'database' });
  remove();
  t.is(heard.open.length, 1, 'a check that is taken off hurts no more');
  works = true;
  await stage.clock.advance(2_000);
  t.is(heard.open.length, 0);
});

test('live settings that this node cannot use are pain, over with the next good ones', async (t) => {
  const backend = memory();
  const node = await createNode({ name: 'a', backend, log, signals: false, drainMs: 20 });
  t.teardown(() => node.close());
  const { link: other } = await member(t, backend, 'b');
  const { heard } = around(t, node);
  const change = (body: unknown, expected: number): Promise<unknown> =>
    other.records.change({ family: SETTINGS, name: 'users', body, expected, by: 'a newer version' });
  await change({ settings: { colour: 'blue' } }, 0);
  await until('the pain', () => heard.open.length > 0);
  t.like(heard.open[0], { severity: 'medium' });
  t.like(heard.open[0]?.options, { kind: 'config-rejected', service: 'users' });
  await change({ settings: { retry: { profile: 'nobody' } } }, 1);
  await change({ settings: { timeoutMs: 100 } }, 2);
  await until('it to be over', () => heard.open.length === 0);
  t.is(node.config.effective('users').timeoutMs, 100);
});

test('settings that a person gives wrongly are told to that person, and hurt nobody', async (t) => {
  const events = new Emitter(log);
  const { heard } = alone(t, { events });
  const records = { all: () => Promise.resolve([]) } as never;
  const config = new LiveConfig({ records, policies: new Policies(), events, log, nodeName: 'a' });
  await t.throwsAsync(config.set('users', { colour: 'blue' } as never));
  t.deepEqual(heard.told, []);
});

test('where nothing hurts nothing is asked of the backend', async (t) => {
  const clock = virtualClock();
  let asked = 0;
  const { heard } = alone(t, {
    timers: clock,
    policy: { memory: {}, cpu: {}, connections: {}, eventLoop: {} },
    served: () => [{ mailbox: 'users@1', maxLength: 10, maxBytes: 10, saturated: false, frameSize: 1 }],
    sentTo: () => [['users@1', 7]],
    depth: () => {
      asked += 1;
      return Promise.reject(new Error('asked'));
    },
  });
  await clock.advance(600_000);
  t.is(asked, 0);
  t.deepEqual(heard.told, []);
});

test('what cannot look hurts no other source, and a source that is closed says nothing', async (t) => {
  const clock = virtualClock();
  const { heard, sources } = alone(t, {
    timers: clock,
    callStats: () => {
      throw new Error('broken');
    },
    backendMemory: () => ({ used: 85, max: 100 }),
  });
  await clock.advance(LOOK_MS);
  t.deepEqual(heard.told, ['medium redis-full']);
  sources.close();
  t.is(clock.pending, 0);
});
