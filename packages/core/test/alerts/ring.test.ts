/** What hurts while the backend is away. */
import test from 'ava';
import type { Alert } from '../../src/alerts/alert.ts';
import { Ring, type Untold } from '../../src/alerts/ring.ts';
import { TransportError } from '../../src/ground/errors.ts';
import type { Log } from '../../src/ground/log.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { MINUTE, pain, SECOND, World, type ActingNode } from './acting.ts';
import { raisedOf } from './judging.ts';

test('what hurts while the backend is away is said here at once, and told once when it is back, as of then', async (t) => {
  const world = new World();
  const local: Alert[] = [];
  const [a, b] = [
    await world.node('a', { events: { onLocalAlert: (alert) => local.push(alert) } }),
    await world.node('b'),
  ];
  a.link = 'away';
  const raisedAt = world.clock.now();
  const alert = await a.alerts.pain(pain('fire', 'critical'));
  t.like(alert, { kind: 'fire', severity: 'critical', firstAt: raisedAt, level: 's5' });
  t.deepEqual(
    local.map(({ kind }) => kind),
    ['fire'],
  );
  t.is(a.evts('alert_local').length, 1);
  await world.pass(30 * SECOND);
  t.is(world.slots().length, 0);
  a.up();
  await world.pass(2 * SECOND);
  t.like(world.slot('fire'), { firstAt: raisedAt, count: 1, state: 'open' });
  t.is(b.channel.view.size, 1);
  await world.pass(10 * SECOND);
  t.is(world.slot('fire')?.count, 1);
  t.deepEqual(local.length, 1);
  t.like((await a.alerts.stats()).here, { raised: 1, local: 1, waiting: 0, lost: 0 });
});

test('a backend that does not answer is taken for away after a second; what it took after all is told once', async (t) => {
  const world = new World();
  const a = await world.node('a');
  a.link = 'silent';
  const raising = a.alerts.pain(pain('fire', 'critical'));
  await world.pass(2 * SECOND);
  t.is((await raising).kind, 'fire');
  t.is(a.evts('alert_local').length, 1);
  a.up();
  await world.pass(3 * SECOND);
  t.is(world.slot('fire')?.count, 1);
  t.is((await a.alerts.stats()).here.waiting, 0);
});

test('what was carried out though the answer was lost counts once', async (t) => {
  const world = new World();
  const a = await world.node('a');
  a.link = 'lossy';
  await a.alerts.pain(pain('fire', 'critical'));
  t.is(world.slot('fire')?.count, 1);
  a.up();
  await world.pass(3 * SECOND);
  t.is(world.slot('fire')?.count, 1);
  t.is(world.slot('fire')?.notices.length, 1);
});

test('ten thousand repeats while away are two entries, and all of them count', async (t) => {
  const world = new World();
  const a = await world.node('a');
  a.link = 'away';
  const raisedAt = world.clock.now();
  await a.alerts.pain(pain('disk', 'high'));
  for (let n = 0; n < 10; n += 1) {
    const raises = Array.from({ length: 1_000 }, () => a.alerts.pain(pain('disk', 'high')));
    await world.clock.advance(SECOND);
    await Promise.all(raises);
  }
  t.is(a.evts('alert_local').length, 1);
  a.up();
  await world.pass(SECOND);
  t.like(world.slot('disk'), { count: 10_001, firstAt: raisedAt, reporters: ['a'] });
  t.true(world.slot('disk')!.lastAt >= raisedAt + 9 * SECOND);
});

test('raised and over while away: it is told both, in that order', async (t) => {
  const world = new World();
  const a = await world.node('a');
  a.link = 'away';
  await a.alerts.pain(pain('disk', 'high'));
  await a.alerts.clear({ kind: 'disk' });
  a.up();
  await world.pass(2 * SECOND);
  t.like(world.slot('disk'), { state: 'resolved', resolution: 'cleared', count: 1 });
});

test('whatever else is awaited rejects while the backend is away', async (t) => {
  const world = new World();
  const a = await world.node('a');
  const { id } = await a.alerts.pain(pain('fire', 'critical'));
  a.link = 'away';
  const by = { author: 'ada', reason: 'x', forMs: MINUTE };
  const calls = [
    () => a.alerts.ack(id),
    () => a.alerts.resolve('unknown'),
    () => a.alerts.list(),
    () => a.alerts.stats(),
    () => a.alerts.configure({ burst: 4 }),
    () => a.alerts.silence({ kinds: ['x'] }, by),
    () => a.alerts.unsilence('x'),
  ];
  for (const call of calls) await t.throwsAsync(call, { code: 'TRANSPORT' });
});

test('a node that ends with something untold says so in full', async (t) => {
  const world = new World();
  const a = await world.node('a');
  a.link = 'away';
  await a.alerts.pain(pain('fire', 'critical', { metrics: { degrees: 700 } }));
  const closing = a.channel.close();
  await world.clock.advance(SECOND);
  await closing;
  t.like(a.evts('alert_lost')[0], { untold: { kind: 'raise', raised: { kind: 'fire', metrics: { degrees: 700 } } } });
});

test('the ring gives up the oldest that is not critical, and counts it; what fails for good does not stop the rest', async (t) => {
  const told: Untold[] = [];
  const timers = virtualClock();
  let away = true;
  const log = { fatal: () => undefined, error: () => undefined } as unknown as Log;
  const tell = (untold: Untold): Promise<void> => {
    if (away) return Promise.reject(new TransportError('away'));
    if (untold.kind === 'raise' && untold.raised.kind === 'k2') return Promise.reject(new TypeError('never'));
    told.push(untold);
    return Promise.resolve();
  };
  const ring = new Ring({ timers, log, tell, capacity: 3 });
  const severities = ['critical', 'high', 'high', 'medium'] as const;
  severities.forEach((severity, n) => {
    const raised = raisedOf(severity, { kind: `k${n}`, fingerprint: `f${n}` });
    ring.keepRaise(raised, { ...raised } as unknown as Alert, false);
  });
  t.deepEqual([ring.size, ring.dropped, ring.has('f1')], [3, 1, false]);
  await ring.flush();
  t.is(ring.size, 3);
  away = false;
  await Promise.all([ring.flush(), ring.flush()]);
  t.deepEqual(
    told.map((untold) => untold.kind === 'raise' && untold.raised.kind),
    ['k0', 'k3'],
  );
  t.is(ring.size, 0);
});

test('many conditions that hurt while away are told in their order', async (t) => {
  const world = new World();
  const [a] = (await world.cluster('a', 'b')) as [ActingNode];
  a.link = 'away';
  for (let n = 0; n < 40; n += 1) {
    await a.alerts.pain(pain(`kind ${n}`, 'critical'));
    await world.clock.advance(10);
  }
  a.up();
  await world.pass(5 * SECOND);
  const raised = world.changes.filter(({ event }) => event === 'raised').map(({ body }) => (body as Alert).kind);
  t.deepEqual(
    raised,
    Array.from({ length: 40 }, (_, n) => `kind ${n}`),
  );
});
