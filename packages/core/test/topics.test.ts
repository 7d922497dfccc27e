/** Topics under faults, by the clock, and from the hands of strangers; names and patterns. */
import fc from 'fast-check';
import { pino } from 'pino';
import test from 'ava';
import { z } from 'zod';
import { createNode, memory, topic, type ActorNode, type Backend } from '../src/index.ts';
import { altered } from '../src/testing/altered.ts';
import { faulty, virtualClock, waitFor } from '../src/testing/index.ts';

import { FrameWriter } from '../src/wire/frame.ts';
import { isPattern, matchesTopic, TOPIC_NAME } from '../src/topics/names.ts';
import { parseNews } from '../src/topics/news.ts';

const quiet = pino({ level: 'silent' });

const created = topic('orders.created', z.object({ id: z.number() }));
const WITHIN_MS = 10_000;

function until(what: string, holds: () => boolean | Promise<boolean>): Promise<unknown> {
  return waitFor(holds, { withinMs: WITHIN_MS, what });
}

async function start(
  t: { teardown(fn: () => Promise<void>): void },
  backend: Backend,
  ...names: string[]
): Promise<ActorNode[]> {
  const nodes = await Promise.all(names.map((name) => createNode({ backend, name, signals: false, log: quiet })));
  t.teardown(async () => void (await Promise.all(nodes.map((node) => node.close({ drainMs: 50 })))));
  return nodes;
}

test('a pattern matches what NATS would have it match', (t) => {
  const cases: readonly (readonly [pattern: string, topics: string])[] = [
    ['events.*', 'events.user events.1'],
    ['events.>', 'events.user events.1 events.user.created'],
    ['>', 'event events events.user events.1 events.user.created'],
    ['*', 'event events'],
    ['*.user', 'events.user'],
    ['*.*.>', 'events.user.created'],
    ['events.*.created', 'events.user.created'],
    ['events', 'events'],
  ];
  const all = ['event', 'events', 'events.user', 'events.1', 'events.user.created'];
  for (const [pattern, topics] of cases) {
    t.true(isPattern(pattern), pattern);
    t.is(all.filter((name) => matchesTopic(pattern, name)).join(' '), topics, pattern);
  }
  for (const wrong of ['', '.', 'a.', '.a', 'a..b', '>.a', 'a*', 'a.b>', 'A', 'a b', '**', 'x'.repeat(101)])
    t.false(isPattern(wrong), wrong);
});

test('a topic matches itself, and what stands for its segments', (t) => {
  const segment = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,4}$/);
  const { seed, failed, counterexample } = fc.check(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), fc.nat(5), (segments, at) => {
      const name = segments.join('.');
      const place = at % segments.length;
      const starred = segments.with(place, '*').join('.');
      const rest = [...segments.slice(0, place), '>'].join('.');
      return (
        TOPIC_NAME.test(name) &&
        matchesTopic(name, name) &&
        matchesTopic(starred, name) &&
        matchesTopic(rest, name) &&
        !matchesTopic(`${name}.>`, name) &&
        !matchesTopic(starred, `${name}.more`)
      );
    }),
  );
  t.false(failed, `seed ${seed}: ${JSON.stringify(counterexample)}`);
});

test('what is published is published once though its acceptance is lost, and waits while the backend is away', async (t) => {
  const backend = faulty(memory());
  const [publisher, subscriber] = (await start(t, backend, 'publisher', 'subscriber')) as [ActorNode, ActorNode];
  const got: number[] = [];
  await subscriber.subscribe(created, ({ id }) => void got.push(id));
  backend.dropNextReply('append');
  await publisher.publish(created, { id: 1 });
  backend.sleep();
  const waiting = publisher.publish(created, { id: 2 });
  const late = publisher.publish(created, { id: 3 }, { timeoutMs: 30 });
  const aborted = new AbortController();
  const given = publisher.publish(created, { id: 4 }, { signal: aborted.signal });
  aborted.abort();
  t.like(await t.throwsAsync(late), { code: 'CALL_TIMEOUT' });
  t.like(await t.throwsAsync(given), { code: 'ABORTED' });
  backend.wake();
  await waiting;
  await until('both', () => got.length >= 2);
  await publisher.publish(created, { id: 5 });
  await until('the last', () => got.includes(5));
  t.deepEqual(got, [1, 2, 5]);
});

test('a broadcast that reaches an inbox twice is heard once', async (t) => {
  const backend = faulty(memory());
  const [teller, listener] = (await start(t, backend, 'teller', 'listener')) as [ActorNode, ActorNode];
  await until('both to be seen', () => teller.registry.nodes().length === 2);
  const heard: number[] = [];
  await listener.subscribe(created, ({ id }) => void heard.push(id), { everyNode: true });
  backend.dropNextReply('reply');
  backend.dropNextReply('reply');
  await teller.broadcast(created, { id: 1 });
  await teller.broadcast(created, { id: 2 });
  await until('the second', () => heard.includes(2));
  t.deepEqual(heard, [1, 2]);
});

test('what a stranger puts into an inbox is not heard, and hurts nobody', async (t) => {
  const backend = memory();
  const [listener, teller] = (await start(t, backend, 'listener', 'teller')) as [ActorNode, ActorNode];
  const heard: unknown[] = [];
  await listener.subscribe('>', (payload) => void heard.push(payload), { everyNode: true, schema: z.number() });
  const link = await backend.connect({
    ...{ name: 'stranger', namespace: 'homeostat', log: quiet },
    beat: { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 },
  });
  t.teardown(() => link.close());
  const { membership, broker } = link;
  const nothing = (): void => undefined;
  await membership.join(
    {
      report: () => ({ name: 'stranger', pid: 1, host: 'h', startedAt: 1, status: 'healthy', serves: {} }),
      vitals: () => ({ inFlight: 0, load: 0, loopDelayMs: 0, memoryMb: 0, actors: {}, serviceMs: {}, checks: {} }),
    },
    { evicted: nothing, inbox: nothing, news: nothing, alerts: nothing, beaten: nothing },
  );
  const send = async (method: string, body: unknown, id?: string): Promise<void> => {
    const writer = new FrameWriter(1_000_000);
    writer.open(Date.now());
    writer.addCast(method, body, 0, id === undefined ? undefined : { id });
    await broker.reply(listener.id, writer.finish('stranger', 1, null));
  };
  await broker.reply(listener.id, new Uint8Array([1, 2, 3]));
  await send('topic.a', 1);
  await send('other.a', 2, 'x1');
  await send('topic.', 3, 'x2');
  await send('topic.A', 4, 'x3');
  await send('topic.a', 'not a number', 'x4');
  await send('topic.a', 5, 'x5');
  await send('topic.a', 6, 'x5');
  await teller.broadcast(topic('last', z.number()), 7);
  await until('the last', () => heard.includes(7));
  t.deepEqual(heard, [5, 7]);
  await membership.leave();
});

test('news that are none are left out', (t) => {
  const dropped = { what: 'dropped', reason: 'hand', by: 'n', topic: 'a', group: 'g', messages: 1, bytes: 1, dead: 0 };
  t.like(parseNews({ at: 1, body: dropped }), { at: 1, news: { topic: 'a' } });
  for (const body of [undefined, null, 1, {}, { what: 'x' }, { ...dropped, topic: 'A' }, { ...dropped, group: 'a b' }])
    t.is(parseNews({ at: 1, body }), undefined);
  for (const record of [undefined, null, 'x', [], { body: dropped }]) t.is(parseNews(record), undefined);
});

test('by the clock: a group that nobody serves is dropped after its retention, with an alert', async (t) => {
  const clock = virtualClock();
  const [publisher, subscriber] = (await start(t, memory({ clock }), 'publisher', 'subscriber')) as [
    ActorNode,
    ActorNode,
  ];
  const brief = topic('brief', z.number(), { retention: { ms: 60_000 }, keep: { ms: 60_000 } });
  await (await subscriber.subscribe(brief, () => undefined, { group: 'forgotten' })).close();
  await subscriber.subscribe(brief, () => undefined, { group: 'served' });
  const told: string[] = [];
  for (const node of [publisher, subscriber])
    node.on('groupDropped', ({ group, messages, reason }) => told.push(`${node.name} ${group} ${messages} ${reason}`));
  await publisher.publish(brief, 1);
  await clock.advance(55_000);
  t.deepEqual(told, []);
  t.is((await publisher.topics.list())[0]?.kept, 1);
  await clock.advance(20_000);
  await until('both to be told', () => told.length === 2);
  t.deepEqual(told.toSorted(), ['publisher forgotten 1 retention', 'subscriber forgotten 1 retention']);
  const [state] = await publisher.topics.list();
  t.deepEqual([state?.kept, state?.dropped, state?.groups.map(({ group }) => group)], [0, 1, ['served']]);
  await until('the alert', async () => (await publisher.alerts.list({ kind: 'topic-group-dropped' })).length === 1);
});

test('closed, a node publishes, broadcasts and subscribes no more', async (t) => {
  const [node] = (await start(t, memory(), 'node')) as [ActorNode];
  await node.subscribe(created, () => undefined);
  await node.close();
  t.like(await t.throwsAsync(node.publish(created, { id: 1 })), { code: 'NODE_CLOSED' });
  t.like(await t.throwsAsync(node.broadcast(created, { id: 1 })), { code: 'NODE_CLOSED' });
  t.like(await t.throwsAsync(node.subscribe(created, () => undefined, { group: 'x' })), { code: 'NODE_CLOSED' });
});

test('by the clock: a group that a pattern attached is forgotten when nobody takes it up', async (t) => {
  const clock = virtualClock();
  const [publisher, subscriber] = (await start(t, memory({ clock }), 'publisher', 'subscriber')) as [
    ActorNode,
    ActorNode,
  ];
  const brief = topic('brief', z.number(), { retention: { messages: 3 } });
  await (await subscriber.subscribe('*', () => undefined, { group: 'audit' })).close();
  for (let n = 0; n < 10; n += 1) await publisher.publish(brief, n);
  t.is((await publisher.depth(brief, 'audit')).messages, 10);
  await clock.advance(45_000);
  await until('it to be dropped', async () => (await publisher.topics.list())[0]?.dropped === 1);
});

test('a replay ends when all is there, also where another one is under way', async (t) => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const backend = altered(memory(), ({ topics }) => ({
    topics: { ...topics, fill: (name, group) => opened.then(() => topics.fill(name, group)) },
  }));
  const [node] = (await start(t, backend, 'node')) as [ActorNode];
  const kept = topic('kept', z.number(), { keep: { messages: 100 } });
  await (await node.subscribe(kept, () => undefined, { group: 'report' })).close();
  for (let n = 0; n < 5; n += 1) await node.publish(kept, n);
  const first = node.topics.replay(kept, 'report', 'oldest');
  const second = node.topics.replay(kept, 'report', 'oldest').then(() => node.depth(kept, 'report'));
  setImmediate(open);
  t.is((await second).messages, 10);
  await first;
});

test('a pattern that is dropped is not attached again by who serves it, however long that takes', async (t) => {
  const world = memory();
  let looked = async (): Promise<unknown> => undefined;
  const slow = altered(world, ({ topics }) => ({
    topics: {
      ...topics,
      dropPattern: async (pattern, group) => {
        const lost = await topics.dropPattern(pattern, group);
        await looked();
        return lost;
      },
    },
  }));
  const [server] = (await start(t, world, 'server')) as [ActorNode];
  const [dropper] = (await start(t, slow, 'dropper')) as [ActorNode];
  await server.subscribe('orders.*', () => undefined, { group: 'audit' });
  await dropper.publish(created, { id: 1 });
  const isServed = (): boolean => dropper.registry.instances('topic.orders.created', { status: 'any' }).length > 0;
  await until('it to be served', isServed);
  const groups = async (): Promise<number> => (await dropper.topics.list())[0]?.groups.length ?? 0;
  looked = () => until('it to be left, or attached again', async () => !isServed() || (await groups()) > 0);
  await dropper.topics.drop('orders.*', 'audit');
  await until('it to be left', () => !isServed());
  t.is(await groups(), 0);
});

test('by the clock: that a group was forgotten is told, though the answer that says so is lost', async (t) => {
  const clock = virtualClock();
  const backend = faulty(memory({ clock }));
  const [publisher, subscriber] = (await start(t, backend, 'publisher', 'subscriber')) as [ActorNode, ActorNode];
  const brief = topic('brief', z.number(), { retention: { messages: 1 } });
  await (await subscriber.subscribe(brief, () => undefined, { group: 'forgotten' })).close();
  const told: string[] = [];
  for (const node of [publisher, subscriber])
    node.on('groupDropped', ({ group, messages }) => told.push(`${node.name} ${group} ${messages}`));
  await publisher.publish(brief, 1);
  backend.dropNextReply('append');
  const second = publisher.publish(brief, 2);
  await clock.advance(1_000);
  await second;
  t.is((await publisher.topics.list())[0]?.dropped, 1);
  await clock.advance(25_000);
  await until('both to be told', () => told.length >= 2);
  await clock.advance(60_000);
  t.deepEqual(told.toSorted(), ['publisher forgotten 1', 'subscriber forgotten 1'], 'each once');
  await until('the alert', async () => (await publisher.alerts.list({ kind: 'topic-group-dropped' })).length === 1);
});

test('by the clock: what was dropped stays so, also where those who serve it were not told', async (t) => {
  const clock = virtualClock();
  const world = memory({ clock });
  const mute = altered(world, ({ records }) => ({
    records: {
      all: (family) => records.all(family),
      history: (family, limit) => records.history(family, limit),
      change: (change) => (change.family === 'topics' ? Promise.reject(new Error('mute')) : records.change(change)),
    },
  }));
  const [server] = (await start(t, world, 'server')) as [ActorNode];
  const [dropper] = (await start(t, mute, 'dropper')) as [ActorNode];
  await server.subscribe(created, () => undefined, { group: 'mailer' });
  await server.subscribe('orders.*', () => undefined, { group: 'audit' });
  await dropper.publish(created, { id: 1 });
  await clock.advance(3_000);
  const serving = (): number => dropper.registry.instances('topic.orders.created', { status: 'any' }).length;
  await until('both to be served', () => serving() > 0);
  await dropper.topics.drop(created, 'mailer');
  await dropper.topics.drop('orders.*', 'audit');
  await clock.advance(15_000);
  await until('it to be left', () => serving() === 0);
  await dropper.publish(created, { id: 2 });
  t.deepEqual((await dropper.topics.list())[0]?.groups, []);
});

test('a handler that its closing node lets finish may publish and broadcast', async (t) => {
  const [server, listener] = (await start(t, memory(), 'server', 'listener')) as [ActorNode, ActorNode];
  await until('both to be seen', () => server.registry.nodes().length === 2);
  const heard: string[] = [];
  await listener.subscribe(created, () => void heard.push('broadcast'), { everyNode: true });
  await listener.subscribe(created, () => void heard.push('published'));
  let begun = false;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const ends: unknown[] = [];
  const last = topic('last', z.number());
  await server.subscribe(last, async () => {
    begun = true;
    await opened;
    ends.push(
      ...(await Promise.allSettled([server.publish(created, { id: 1 }), server.broadcast(created, { id: 1 })])),
    );
  });
  await listener.publish(last, 1);
  await until('it to run', () => begun);
  const closed = server.close({ drainMs: WITHIN_MS });
  open();
  await closed;
  t.deepEqual(
    ends.map((end) => (end as PromiseSettledResult<void>).status),
    ['fulfilled', 'fulfilled'],
  );
  await until('both to come', () => heard.length === 2);
});
