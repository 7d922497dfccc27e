/** What the clock does, with several nodes of which each looks. */
import test from 'ava';
import { rankOf } from '../../src/balance/rank.ts';
import { pain, SECOND, MINUTE, World, type ActingNode } from './acting.ts';

const IDS = ['a', 'b', 'c'];

function historyOf(world: World, kind: string, event: string): readonly number[] {
  const record = world.slot(kind);
  return (record?.history ?? []).filter((entry) => entry.event === event).map(({ at }) => at - record!.firstAt);
}

test('each thing that is due is carried out once, on time, however many nodes look', async (t) => {
  const world = new World();
  const [a] = (await world.cluster(...IDS)) as [ActingNode];
  for (let n = 0; n < 5; n += 1) await a.alerts.pain(pain(`due ${n}`, 'medium'));
  await world.pass(MINUTE + 2 * SECOND);
  for (let n = 0; n < 5; n += 1) {
    const [after, ...more] = historyOf(world, `due ${n}`, 'escalated');
    t.true(after !== undefined && after >= MINUTE && after < MINUTE + 500, `after ${after} ms`);
    t.deepEqual(more, []);
  }
  t.true((world.asked['due'] ?? 0) <= 15, `${world.asked['due']} questions`);
});

test('a node that dies just before its turn loses nothing: the next one steps in', async (t) => {
  const world = new World();
  const nodes = await world.cluster(...IDS);
  const [a] = nodes as [ActingNode];
  const { fingerprint } = await a.alerts.pain(pain('slow', 'high'));
  await world.pass(5 * MINUTE - SECOND, 10 * SECOND);
  const turns = nodes.toSorted((one, other) => rankOf(fingerprint, one.id, IDS) - rankOf(fingerprint, other.id, IDS));
  // The others do not know yet that it is dead.
  turns[0]!.link = 'away';
  await world.pass(2 * SECOND);
  t.is(world.slot('slow')?.level, 's4');
  const [entry, ...more] = world.slot('slow')!.history.filter(({ event }) => event === 'escalated');
  t.deepEqual(more, []);
  t.is(entry?.by, turns[1]!.id);
  const late = entry!.at - world.slot('slow')!.firstAt - 5 * MINUTE;
  t.true(late >= 0 && late < 500, `${late} ms late`);
  turns[0]!.kill();
  await world.pass(5 * MINUTE, SECOND);
  t.is(world.slot('slow')?.level, 's5');
});

test('what falls due while the backend is away is carried out when it is back', async (t) => {
  const world = new World();
  const nodes = await world.cluster(...IDS);
  const [a] = nodes as [ActingNode];
  await a.alerts.pain(pain('fire', 'critical'));
  await world.pass(10 * SECOND);
  for (const node of nodes) node.link = 'away';
  await world.pass(60 * SECOND);
  t.is(world.slot('fire')?.notices.length, 1);
  for (const node of nodes) node.up();
  await world.pass(3 * SECOND);
  t.is(world.slot('fire')?.notices.length, 2);
  await world.pass(31 * SECOND);
  t.is(world.slot('fire')?.notices.length, 3);
});

test('a node whose view has nothing sets no timer and asks nothing', async (t) => {
  const world = new World();
  await world.cluster(...IDS);
  const before = { ...world.asked };
  await world.pass(10 * MINUTE, 10 * SECOND);
  t.deepEqual(world.asked, before);
  t.is(world.clock.pending, 0);
});

test('what follows from a root is attached to it, and told at once when the root ends', async (t) => {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  const root = await a.alerts.pain(pain('node-down', 'high', { scope: 'n1' }));
  await world.settle();
  const raises = Array.from({ length: 30 }, (_, n) =>
    b.alerts.pain(pain('unreachable', 'high', { service: `s${n}`, causedBy: root.id })),
  );
  await Promise.all(raises);
  await world.settle();
  const attached = world.slots().filter(({ kind }) => kind === 'unreachable');
  t.is(attached.length, 30);
  t.true(attached.every(({ held, notices }) => held?.by === 'inhibition' && notices.length === 0));
  t.is((await a.alerts.get(root.id))?.rootOf, 30);
  await b.alerts.resolve(root.id);
  await world.pass(SECOND);
  const released = world.slots().filter(({ kind }) => kind === 'unreachable');
  t.true(released.every(({ held, notices }) => held === undefined && notices.length === 1));
  t.true(released.every(({ history }) => history.filter(({ event }) => event === 'released').length === 1));
});

test('a storm is one alert; the rest comes in digests; when it is over what is still open is told', async (t) => {
  const world = new World();
  const nodes = await world.cluster(...IDS);
  const [a] = nodes as [ActingNode];
  const raise = (n: number): unknown =>
    nodes[n % 3]!.alerts.pain(pain('hail', 'high', { service: `s${n % 50}`, scope: `roof ${n}` }));
  await Promise.all(Array.from({ length: 500 }, (_, n) => raise(n)));
  await Promise.all(['red', 'green', 'blue'].map((kind) => a.alerts.pain(pain(kind, 'critical'))));
  await Promise.all(Array.from({ length: 500 }, (_, n) => raise(500 + n)));
  await world.pass(25 * SECOND);
  const storms = world.slots().filter(({ kind }) => kind === 'storm');
  t.is(storms.length, 1);
  t.like(storms[0], { severity: 'high', state: 'open', fingerprint: 'storm' });
  for (const kind of ['red', 'green', 'blue']) t.is(world.slot(kind)?.notices[0]?.why, 'raised');
  const hail = world.slots().filter(({ kind }) => kind === 'hail');
  t.is(hail.length, 1_000);
  const alone = hail.filter(({ notices }) => notices.length > 0).length;
  t.true(alone > 0 && alone <= 50, `${alone} told one by one`);
  const digests = storms[0]!.notices.filter(({ why }) => why === 'digest');
  t.true(digests.length >= 1 && digests.length <= 3, `${digests.length} digests`);
  t.is(storms[0]!.metrics?.['held'], 1_000 - alone);
  await world.pass(90 * SECOND);
  t.is(world.slot('storm')?.state, 'resolved');
  t.is(world.slots().filter(({ held }) => held?.by === 'storm').length, 0);
});

test('what nobody hears is marked, counted, told to the fallback, and delivered to the first who comes', async (t) => {
  const world = new World();
  const fallen: string[] = [];
  let anybody = false;
  const a = await world.node('a', { hears: () => anybody, events: { fallback: (alert) => fallen.push(alert.kind) } });
  await a.alerts.pain(pain('lonely', 'high'));
  await a.alerts.pain(pain('quiet', 'medium'));
  t.deepEqual(fallen, ['lonely']);
  t.is(world.slot('lonely')?.unrouted, true);
  t.is(world.slot('quiet')?.unrouted, undefined, 'the next level is told in a minute');
  t.is(a.evts('alert_unrouted').length, 1);
  await world.pass(MINUTE + SECOND);
  t.deepEqual(fallen, ['lonely', 'quiet']);
  t.is((await a.alerts.stats()).unrouted, 2);
  anybody = true;
  const told: string[] = [];
  a.alerts.subscribe({ level: 's3' }, ({ kind }) => void told.push(kind));
  await world.settle();
  t.deepEqual(told.toSorted(), ['lonely', 'quiet']);
});
