/** The view of a node: in step with the store, whatever comes in whichever order. */
import test from 'ava';
import type { Severity } from '../../src/alerts/alert.ts';
import { MINUTE, pain, SECOND, World, type ActingNode, type LinkState } from './acting.ts';

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('over any history every view ends as the store is, and every raise is counted once', async (t) => {
  t.log(`SEED=${SEED}`);
  const random = randomOf(SEED);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const world = new World();
  const nodes = await world.cluster('a', 'b', 'c', 'd');
  const states: readonly LinkState[] = ['up', 'up', 'up', 'away', 'silent', 'lossy'];
  const severities: readonly Severity[] = ['critical', 'high', 'medium', 'low'];
  const kinds = ['disk', 'loop', 'lag', 'fire', 'flood'];
  let raised = 0;
  const tolerant = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
  const acts: readonly ((node: ActingNode) => void)[] = [
    ...[1, 2, 3].map(() => (node: ActingNode) => {
      raised += 1;
      tolerant(node.alerts.pain(pain(pick(kinds), pick(severities))));
    }),
    (node) => tolerant(node.alerts.clear({ kind: pick(kinds) })),
    (node) => {
      const record = pick([...node.channel.view.all()]);
      if (record === undefined) return;
      tolerant(random() < 0.5 ? node.alerts.ack(record.id) : node.alerts.resolve(record.id));
    },
  ];
  for (let step = 0; step < 300; step += 1) {
    for (let n = 0; n < 4; n += 1) pick(acts)(pick(nodes));
    if (random() < 0.1) pick(nodes).link = pick(states);
    if (random() < 0.3) await world.settle();
    if (random() < 0.3) await world.pass(Math.ceil(random() * 3 * SECOND));
  }
  for (const node of nodes) node.up();
  await world.pass(20 * SECOND);
  const stored = new Map(world.book.live().slots.map(({ fingerprint, body }) => [fingerprint, body]));
  for (const { channel } of nodes) {
    const viewed = new Map([...channel.view.all()].map((record) => [record.fingerprint, record]));
    t.deepEqual([...viewed.keys()].toSorted(), [...stored.keys()].toSorted());
    for (const [fingerprint, body] of stored) t.deepEqual(viewed.get(fingerprint), body as never);
  }
  for (const node of nodes) t.is((await node.alerts.stats()).here.waiting, 0);
  const all = await nodes[0]!.alerts.list({ limit: 10_000 });
  const counted = all.reduce((sum, { count }) => sum + count, 0);
  // Of what is told twice because its answer was lost, the last sixteen of each alert are known again.
  t.true(counted >= raised && counted <= raised * 1.02, `${counted} of ${raised}`);
});

test('what is too large for the log is read; what is told twice, or late, changes nothing', async (t) => {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  await a.alerts.pain(pain('disk', 'critical'));
  await world.settle();
  const fingerprint = world.slot('disk')!.fingerprint;
  const known = b.channel.view.get(fingerprint)!;
  const item = { seq: 1, kind: 'raised', id: fingerprint, body: { revision: known.revision } };
  b.channel.apply([item, item]);
  t.is(b.channel.view.get(fingerprint), known);
  b.link = 'away';
  await a.alerts.ack(known.record.id);
  b.link = 'up';
  b.channel.apply([{ seq: 2, kind: 'acked', id: fingerprint, body: null }]);
  await world.settle();
  t.is(b.channel.view.get(fingerprint)?.record.state, 'acked');
});

test('what a node knows too little of, it asks before it says that there is nothing to do', async (t) => {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  const { id } = await a.alerts.pain(pain('disk', 'critical'));
  await a.alerts.resolve(id);
  await world.pass(SECOND);
  b.link = 'away';
  await a.alerts.pain(pain('disk', 'critical'));
  await world.settle();
  b.link = 'up';
  t.is(b.channel.view.byId(id)?.state, 'resolved');
  await b.alerts.resolve(id, { by: 'ada' });
  t.like(world.slot('disk'), { state: 'resolved', resolvedBy: 'ada', flaps: 1 });
  await world.pass(6 * MINUTE, 10 * SECOND);
  t.is(world.slots().length, 0);
});
