/** `onPain`: the unit in pain is told first, on the node that feels it. */
import test from 'ava';
import { Ear, houseOf } from './delivery-house.ts';

const SECOND = 1_000;

test('onPain is handed what its own node has raised about its service, once, and nobody else is', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [store, other, elsewhere] = [new Ear(), new Ear(), new Ear()];
  a.delivery.unit('store', store.handle);
  a.delivery.unit('orders', other.handle);
  b.delivery.unit('store', elsewhere.handle);
  await house.raise('medium', 'full', { reporter: a.id, source: { service: 'store', nodeId: a.id } });
  await house.advance(60 * SECOND);
  t.deepEqual([store.heard, other.heard, elsewhere.heard], [['full'], [], []]);
  t.like(store.contexts[0]?.notice, { n: 1, to: ['s1'] });
});

test('of five nodes that feel the same, each unit is told', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [first, second] = [new Ear(), new Ear()];
  a.delivery.unit('store', first.handle);
  b.delivery.unit('store', second.handle);
  const source = { service: 'store', nodeId: a.id };
  await house.raise('medium', 'full', { reporter: a.id, source });
  await house.raise('medium', 'full', { reporter: b.id, source });
  t.deepEqual([first.heard, second.heard], [['full'], ['full']]);
});

test('onPain of the node is handed what is about the node, and about services without one of their own', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const [node, store] = [new Ear(), new Ear()];
  a.delivery.unit(undefined, node.handle);
  a.delivery.unit('store', store.handle);
  await house.raise('high', 'memory', { reporter: a.id, source: { nodeId: a.id } });
  await house.raise('high', 'full', { reporter: a.id, source: { service: 'store', nodeId: a.id } });
  await house.raise('high', 'late', { reporter: a.id, source: { service: 'orders', nodeId: a.id } });
  t.deepEqual([node.heard, store.heard], [['memory', 'late'], ['full']]);
});

test('onPain may resolve; it is told nothing of pleasure, and does not count as somebody who hears', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  a.delivery.unit('store', async (_alert, ctx) => ctx.resolve());
  t.deepEqual(a.delivery.hears(), []);
  const source = { service: 'store', nodeId: a.id };
  await house.raise('medium', 'fast', { reporter: a.id, source, type: 'pleasure' });
  t.deepEqual(a.acts, []);
  await house.raise('medium', 'full', { reporter: a.id, source });
  t.deepEqual(a.acts, ['resolve id-full by store']);
});

test('onPain that throws is tried three times and makes no alert; taken off, it is told no more', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  ear.failing = true;
  const off = a.delivery.unit('store', ear.handle);
  const source = { service: 'store', nodeId: a.id };
  await house.raise('high', 'full', { reporter: a.id, source });
  await house.advance(120 * SECOND);
  t.deepEqual(
    ear.contexts.map(({ attempt }) => attempt),
    [1, 2, 3],
  );
  t.deepEqual(a.raised, []);
  t.is(a.delivery.counters.givenUp, 1);
  off();
  await house.raise('high', 'fuller', { reporter: a.id, source });
  t.is(ear.heard.length, 3);
});

test('a broadcast subscription that fails is tried three times on each node, and makes an alert', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  ear.failing = true;
  a.delivery.subscribe({}, ear.handle, { mode: 'broadcast', name: 'screen' });
  await house.raise('high', 'slow');
  await house.advance(120 * SECOND);
  t.is(ear.heard.length, 3);
  t.deepEqual(a.acts, ['raise sink-failed screen']);
  t.is(a.sent['claim'], undefined);
});
