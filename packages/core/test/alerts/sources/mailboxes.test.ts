/** What mailboxes feel: nobody serves them, they fill up, their lag grows, their messages die. */
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import type { ServedMailbox } from '../../../src/alerts/sources/needs.ts';
import type { Backend } from '../../../src/backend.ts';
import { memory } from '../../../src/backends/memory.ts';
import { actor, type Actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import { systemClock } from '../../../src/ground/clock.ts';
import { Deadlines } from '../../../src/ground/deadlines.ts';
import { Flusher } from '../../../src/ground/flusher.ts';
import { Emitter } from '../../../src/node/events.ts';
import { createNode } from '../../../src/node/create-node.ts';
import type { ActorNode, NodeOptions } from '../../../src/node/node.ts';
import { sleep } from '../../../src/ground/loop.ts';
import { DEFAULT_SCALE } from '../../../src/policies/service-settings.ts';
import { Scaler } from '../../../src/scaling/scaler.ts';
import { Replies } from '../../../src/sending/replies.ts';
import { Sending } from '../../../src/sending/sending.ts';
import { WaitingCast } from '../../../src/sending/waiting.ts';
import { virtualClock } from '../../../src/testing/virtual-clock.ts';
import { alone, around, log, member, until } from './stage.ts';

const BEAT = { intervalMs: 100, ttlMs: 1_000 };
const LOOK_MS = 50;

const jobs = contract('jobs', { methods: { run: { input: z.string() } } });
type Jobs = typeof jobs.methods;

const doing = (run: (text: string) => unknown, options = {}): Actor<Jobs> => actor(jobs, { run } as never, options);

async function node(t: ExecutionContext, options: NodeOptions = {}): Promise<ActorNode> {
  const made = await createNode({
    name: 'a',
    backend: memory(),
    log,
    signals: false,
    beat: BEAT,
    drainMs: 20,
    ...options,
  });
  t.teardown(() => made.close());
  return made;
}

/** What sends from a node of its own. */
async function sender(
  t: ExecutionContext,
  backend: Backend,
  hooks: Pick<ConstructorParameters<typeof Sending>[0], 'full' | 'failed'> = {},
): Promise<{ sending: Sending; cast: (text: string) => Promise<void> }> {
  const { id, link } = await member(t, backend, 'b');
  const clock = { now: () => link.now(), elapsed: () => systemClock.elapsed() };
  const deadlines = new Deadlines(clock);
  const sending = new Sending({
    broker: link.broker,
    clock,
    deadlines,
    flusher: new Flusher(),
    replies: new Replies(clock, deadlines, log, 100_000),
    timeoutMs: 1_000,
    maxBodyBytes: 100_000,
    memberId: () => id,
    ready: (signal) => link.ready(signal),
    ...hooks,
  });
  t.teardown(() => {
    sending.close();
    deadlines.close();
  });
  const cast = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const receipt = new WaitingCast(deadlines, 'jobs.run', 1_000, () => resolve(), reject);
      sending.open(jobs.mailbox, 'jobs.run').cast('run', text, 0, undefined, undefined, receipt);
    });
  return { sending, cast };
}

test('what waits in a mailbox whose last instance is gone is pain, and over when somebody serves it again', async (t) => {
  const one = await node(t);
  const { heard } = around(t, one, { policy: { noConsumers: { goneMs: 50 } } });
  await one.serve(doing(() => sleep(50), { concurrency: 1 }));
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((text) => one.client(jobs).run.cast(text)));
  await one.unserve(jobs, { drainMs: 0 });
  await until('the pain', () => heard.find('no-consumers') !== undefined);
  const pain = heard.find('no-consumers', 'jobs@1')!;
  t.like(pain, { severity: 'high' });
  t.like(pain.options, { service: 'jobs' });
  t.regex(pain.message, /jobs@1: \d+ messages wait, and no node serves it/);
  await one.serve(doing(() => undefined));
  await until('it to be over', () => heard.find('no-consumers') === undefined);
});

test('an empty mailbox that nobody serves hurts nobody, and nobody goes on asking for it', async (t) => {
  const one = await node(t);
  let asked = 0;
  const { heard } = around(t, one, {
    policy: { noConsumers: { goneMs: 20 }, lookMs: 20 },
    depth: () => {
      asked += 1;
      return one.depth(jobs);
    },
  });
  await one.serve(doing(() => undefined));
  await one.unserve(jobs);
  await until('the one look', () => asked === 1);
  await sleep(150);
  t.is(asked, 1);
  t.deepEqual(heard.told, []);
});

test('what a node sends to a mailbox that nobody serves is pain, as long as it waits', async (t) => {
  const backend = memory();
  const one = await node(t, { backend });
  const { sending, cast } = await sender(t, backend);
  const { heard } = around(t, one, { policy: { lookMs: LOOK_MS }, sentTo: () => sending.sentTo() });
  await cast('a');
  await cast('b');
  await until('the pain', () => heard.find('no-consumers', 'jobs@1') !== undefined);
  t.regex(heard.open[0]?.message ?? '', /2 messages wait/);
  await one.serve(doing(() => undefined));
  await until('it to be over', () => heard.open.length === 0);
  t.deepEqual(heard.told, ['high no-consumers', 'clear no-consumers']);
});

test('who sees that a mailbox is lonely and dies leaves it to another', async (t) => {
  let messages = 3;
  let asked = 0;
  const stage = alone(t, {
    policy: { lookMs: 10 },
    lives: (id) => id === 'self-1',
    isServed: () => false,
    depth: () => {
      asked += 1;
      return Promise.resolve({ messages, bytes: 0, waiting: messages, pending: 0, dead: 0 });
    },
  });
  const { heard } = stage;
  const facts = { kind: 'no-consumers', service: 'jobs', scope: 'jobs@1', metrics: { scope: 'jobs@1' } };
  heard.raise({ ...facts, severity: 'medium', message: 'told by one who died' });
  for (const active of heard.active.values()) active.splice(0, 1, 'dead-1');
  await until('it to be taken up', () => (heard.open[0]?.count ?? 0) > 1 && asked > 0);
  messages = 0;
  await until('it to be over', () => heard.open.length === 0);
  t.deepEqual(heard.told, ['medium no-consumers', 'high no-consumers', 'clear no-consumers']);
});

test('a mailbox that refuses is full for whoever sends, until it has room again', async (t) => {
  const backend = memory();
  const one = await node(t, { backend });
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  await one.serve(doing(() => gate, { concurrency: 1, maxLength: 10 }));
  const { heard, sources } = around(t, one, { policy: { lookMs: LOOK_MS } });
  const { cast } = await sender(t, backend, { full: (...facts) => sources.mailboxFull(...facts) });
  const refused = (await Promise.allSettled(Array.from({ length: 30 }, (_, n) => cast(`${n}`)))).filter(
    ({ status }) => status === 'rejected',
  );
  t.true(refused.length >= 20);
  const pain = heard.find('mailbox-full', 'jobs@1')!;
  t.like(pain, { severity: 'high', count: 1 });
  t.like(pain.options, { service: 'jobs', metrics: { maxLength: 10 } });
  await until('a look', () => heard.find('mailbox-filling') !== undefined);
  open();
  await until('it to be over', () => heard.open.length === 0);
});

/** A mailbox whose depth the test says. */
function served(facts: Partial<ServedMailbox> = {}): ServedMailbox {
  return { mailbox: 'jobs@1', maxLength: 1_000, maxBytes: 1_000_000, saturated: true, frameSize: 1, ...facts };
}

test('a mailbox that is served hurts from 80 % on, more when it is full, and less again', async (t) => {
  const one = await node(t);
  await one.serve(doing(() => new Promise(() => {}), { concurrency: 1, maxLength: 10 }));
  const { heard } = around(t, one, {
    policy: { lookMs: LOOK_MS, lagGrowing: false },
    served: () => [served({ maxLength: 10 })],
  });
  const api = one.client(jobs);
  for (let n = 0; n < 7; n += 1) await api.run.cast(`${n}`);
  await sleep(3 * LOOK_MS);
  t.deepEqual(heard.told, []);
  await api.run.cast('8');
  await until('80 %', () => heard.find('mailbox-filling', 'jobs@1') !== undefined);
  t.is(
    heard.open[0]?.message,
    'jobs@1 is 80 % full: 8 of 10 messages, 326 of 1000000 bytes'.replace('326', `${(await one.depth(jobs)).bytes}`),
  );
  for (let n = 9; n <= 10; n += 1) await api.run.cast(`${n}`);
  await until('100 %', () => heard.find('mailbox-full') !== undefined);
  t.deepEqual(heard.told, ['medium mailbox-filling', 'high mailbox-full']);
});

test('a node that serves a mailbox no more says nothing of it', async (t) => {
  let all = [served({ maxLength: 1 })];
  const depth = { messages: 1, bytes: 1, waiting: 1, pending: 0, dead: 0 };
  const { heard } = alone(t, { policy: { lookMs: 10 }, served: () => all, depth: () => Promise.resolve(depth) });
  await until('the pains', () => heard.open.length === 2);
  all = [];
  await until('them to be over', () => heard.open.length === 0);
  t.deepEqual(heard.told.slice(2).sort(), ['clear mailbox-filling', 'clear mailbox-full']);
});

test('of mailboxes that nobody scales by only those are read whose places are taken', async (t) => {
  const asked: string[] = [];
  const all = [
    served({ mailbox: 'idle@1', saturated: false }),
    ...Array.from({ length: 40 }, (_, n) => served({ mailbox: `busy-${n}@1` })),
  ];
  const clock = virtualClock();
  alone(t, {
    timers: clock,
    served: () => all,
    depth: (mailbox) => {
      asked.push(mailbox);
      return Promise.resolve({ messages: 1, bytes: 1, waiting: 1, pending: 0, dead: 0 });
    },
  });
  await clock.advance(15_000);
  t.is(asked.length, 32, 'not all at once');
  await clock.advance(15_000);
  t.is(new Set(asked).size, 40, 'in turn');
});

test('a lag that grows and grows is pain; one that is large and stands is none', async (t) => {
  const clock = virtualClock();
  let waiting = 0;
  const { heard } = alone(t, {
    timers: clock,
    served: () => [served({ maxLength: 1_000_000 })],
    depth: () => Promise.resolve({ messages: waiting, bytes: waiting, waiting, pending: 0, dead: 0 }),
  });
  waiting = 5_000;
  for (let look = 0; look < 10; look += 1) await clock.advance(15_000);
  t.deepEqual(heard.told, []);
  for (let look = 0; look < 6; look += 1) {
    waiting += 2_000;
    await clock.advance(15_000);
  }
  t.deepEqual(heard.told, ['medium lag-growing']);
  t.like(heard.open[0]?.options, { service: 'jobs', scope: 'jobs@1' });
  waiting = 0;
  for (let look = 0; look < 2; look += 1) await clock.advance(15_000);
  t.deepEqual(heard.told, ['medium lag-growing', 'clear lag-growing']);
});

test('a mailbox that scales is judged by the trend that its scaler sees', async (t) => {
  const clock = virtualClock();
  const one = await node(t);
  await one.serve(doing(() => new Promise(() => {}), { concurrency: 1 }));
  const scaler = new Scaler({ clock, log, events: new Emitter(log), depth: () => one.depth(jobs), instances: () => 1 });
  const target = { concurrency: 1, inFlight: 1, serviceMs: 1, frameSize: 60, paused: undefined, resize: () => {} };
  scaler.watch(jobs.mailbox, 'jobs', target, () => DEFAULT_SCALE);
  const { heard } = alone(t, {
    timers: clock,
    served: () => [served({ saturated: false, maxLength: 1_000_000 })],
    numbers: (mailbox) => scaler.numbers(mailbox),
  });
  const api = one.client(jobs);
  for (let look = 0; look < 12; look += 1) {
    await Promise.all(Array.from({ length: 60 }, (_, n) => api.run.cast(`${n}`.repeat(500))));
    await scaler.step();
    await clock.advance(1_000);
  }
  t.is(scaler.numbers(jobs.mailbox)?.trend.direction, 'degrading');
  for (let look = 0; look < 3; look += 1) await clock.advance(15_000);
  t.deepEqual(heard.told, ['medium lag-growing']);
});

test('a dead letter is pain with its count, and over when they have been seen to', async (t) => {
  const clock = virtualClock();
  const one = await node(t, { backend: memory({ clock }) });
  await one.serve(
    doing(
      (text) => {
        throw new Error(`cannot ${text}`);
      },
      { redelivery: { deliveries: 1 } },
    ),
  );
  const { heard } = around(t, one, { timers: clock });
  const api = one.client(jobs);
  for (let n = 0; n < 3; n += 1) await api.run.cast(`${n}`);
  await until('the letters', async () => (await one.depth(jobs)).dead === 3);
  await clock.advance(1_000);
  const pain = heard.find('dead-letters', 'jobs@1')!;
  t.like(pain, { severity: 'medium', count: 2 });
  t.is(pain.message, 'jobs@1: 3 messages became dead letters; the last: HANDLER');
  await clock.advance(30_000);
  t.is(heard.open.length, 1);
  const letters = one.deadLetters(jobs);
  for (const { id } of await letters.list()) await letters.drop(id);
  await clock.advance(15_000);
  t.deepEqual(heard.told, ['medium dead-letters', 'clear dead-letters']);
});
