/** What somebody who reads gets one by one, and what comes in a digest. */
import test from 'ava';
import type { AlertDigest } from '../../src/alerts/alert.ts';
import type { AlertSink } from '../../src/alerts/subscriber.ts';
import { withNotice } from '../../src/alerts/transitions/record.ts';
import { DEAD_MS, Ear, houseOf, type House } from './delivery-house.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const humanSink = (ear: Ear, name = 'chat'): AlertSink => ({ name, human: true, handle: ear.handle });

/** High alerts about as many services. */
async function raiseMany(house: House, count: number, from = 0): Promise<void> {
  const all = Array.from({ length: count }, (_, at) => `slow-${String(from + at).padStart(2, '0')}`);
  await Promise.all(all.map((kind) => house.raiseQuietly('high', kind)));
  await house.settle();
}

const digests = (ear: Ear): readonly AlertDigest[] => ear.contexts.flatMap(({ digest }) => digest ?? []);
const times = <Item>(count: number, item: Item): readonly Item[] => Array.from({ length: count }, () => item);

test('a human sink gets ten notices in ten minutes, critical ones apart, and the rest in one digest', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({}, humanSink(ear));
  await raiseMany(house, 15);
  const floodedAt = house.clock.now();
  t.is(ear.heard.length, 10);
  t.is(a.delivery.counters.flooded, 5);
  t.deepEqual(
    a.acts,
    [10, 11, 12, 13, 14].map((n) => `flooded id-slow-${n}`),
  );
  await house.raise('critical', 'down');
  await house.raise('high', 'security', { bypass: true });
  t.deepEqual(ear.heard.slice(10), ['down', 'security']);
  await house.advance(9 * MINUTE);
  t.is(ear.heard.length, 12);
  await house.advance(MINUTE + 10 * SECOND);
  t.is(ear.heard.length, 13);
  const [digest] = digests(ear);
  t.like(digest, { from: floodedAt, total: 5 });
  t.deepEqual(
    digest?.groups.map(({ kind, alerts, severity }) => [kind, alerts, severity]),
    [10, 11, 12, 13, 14].map((n) => [`slow-${n}`, 1, 'high']),
  );
  t.is(ear.heard[12], 'slow-10', 'the worst of them, and the oldest');
  t.is(a.delivery.counters.delivered, 17);
  const sent = { ...a.sent };
  await house.advance(30 * MINUTE);
  t.deepEqual(a.sent, sent, 'then nothing is sent');
});

test('whoever is no human gets every notice', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({}, { name: 'archive', human: false, handle: ear.handle });
  await raiseMany(house, 30);
  t.is(ear.heard.length, 30);
  t.is(a.sent['permit'], undefined);
});

test('the limit is that of the group, over all nodes, and so is the digest', async (t) => {
  const { house, a, b, c } = await houseOf(t, 'a', 'b', 'c');
  const ear = new Ear();
  for (const { delivery } of [a, b, c]) delivery.subscribe({}, humanSink(ear));
  await raiseMany(house, 30);
  await house.advance(MINUTE);
  t.is(ear.heard.length, 10);
  t.is(a.delivery.counters.flooded + b.delivery.counters.flooded + c.delivery.counters.flooded, 20);
  await house.advance(10 * MINUTE);
  t.is(ear.heard.length, 11);
  t.deepEqual(
    digests(ear).map(({ total }) => total),
    [20],
  );
  await house.advance(20 * MINUTE);
  t.is(ear.heard.length, 11);
});

test('what a member holds back is not lost when it dies', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const ear = new Ear();
  a.delivery.subscribe({}, humanSink(ear));
  await raiseMany(house, 15);
  await a.kill();
  b.delivery.subscribe({}, humanSink(ear));
  await house.advance(DEAD_MS + 10 * MINUTE);
  t.deepEqual(
    digests(ear).map(({ total }) => total),
    [5],
  );
});

test('what was resolved while it was held back is in no digest; one alone comes as itself', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({}, humanSink(ear));
  await raiseMany(house, 12);
  await house.resolve('slow-10');
  await house.advance(11 * MINUTE);
  t.deepEqual(ear.heard.slice(10), ['slow-11']);
  t.deepEqual(digests(ear), []);
});

test('what becomes critical while it is held back is told at once', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({}, humanSink(ear));
  await raiseMany(house, 12);
  await house.raise('critical', 'slow-11');
  t.deepEqual(ear.heard.slice(10), ['slow-11']);
});

test('a digest that could not be delivered comes again as it was, and takes nothing from the limit', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  house.policy = { ...house.policy, flood: 1 };
  const ear = new Ear();
  a.delivery.subscribe({}, humanSink(ear));
  await raiseMany(house, 4);
  ear.failing = true;
  await house.advance(10 * MINUTE + 10 * SECOND);
  await raiseMany(house, 2, 10);
  await house.advance(30 * SECOND);
  ear.failing = false;
  await house.advance(10 * SECOND);
  t.deepEqual(
    digests(ear).map(({ total }) => total),
    times(digests(ear).length, 3),
  );
  t.true(digests(ear).length > 2);
  t.deepEqual(
    ear.contexts.slice(1).map(({ attempt }) => attempt),
    digests(ear).map((_, at) => at + 1),
  );
  t.deepEqual([a.acts.at(-2), a.acts.at(-1)], ['raise sink-failed chat', 'clear sink-failed chat']);
  await house.advance(10 * MINUTE);
  t.is(digests(ear).at(-1)?.total, 2);
});

test('a paused human subscription gets its digest when it goes on', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  const subscription = a.delivery.subscribe({}, humanSink(ear));
  await raiseMany(house, 12);
  subscription.pause();
  await house.advance(20 * MINUTE);
  t.is(ear.heard.length, 10);
  subscription.resume();
  await house.advance(10 * SECOND);
  t.deepEqual(
    digests(ear).map(({ total }) => total),
    [2],
  );
});

test('each node of a broadcast has a limit of its own', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const ears = { a: new Ear(), b: new Ear() };
  a.delivery.subscribe({}, humanSink(ears.a), { mode: 'broadcast' });
  b.delivery.subscribe({}, humanSink(ears.b), { mode: 'broadcast' });
  await raiseMany(house, 12);
  t.deepEqual([ears.a.heard.length, ears.b.heard.length], [10, 10]);
  await house.advance(11 * MINUTE);
  for (const ear of [ears.a, ears.b]) t.is(digests(ear)[0]?.total, 2);
});

test('the digests of a storm are told beyond any limit, the last also when it is over', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  house.policy = { ...house.policy, flood: 1 };
  const ear = new Ear();
  a.delivery.subscribe({ level: 's5' }, humanSink(ear));
  await house.raise('high', 'storm', { bypass: true });
  for (const total of [100, 200, 300]) {
    const digest: AlertDigest = { from: 0, to: 1, total, groups: [] };
    const state = total === 300 ? 'resolved' : 'open';
    await house.change('storm', (before, { now }) => ({
      record: withNotice({ ...before!, state }, ['s5'], 'digest', now, digest),
      event: 'digested',
    }));
    await house.settle();
  }
  t.deepEqual(
    ear.contexts.map(({ digest }) => digest?.total),
    [undefined, 100, 200, 300],
  );
});
