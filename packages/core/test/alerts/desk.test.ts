/** What several nodes do to the same alerts at the same moment. */
import test from 'ava';
import type { Alert } from '../../src/alerts/alert.ts';
import { AlertNotFound } from '../../src/ground/errors.ts';
import { MINUTE, pain, SECOND, World, type ActingNode } from './acting.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];

/** Turns time until it is there: what is gathered is written by the clock. */
async function done<Value>(world: World, promise: Promise<Value>): Promise<Value> {
  let isDone = false;
  void promise.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  for (let turn = 0; turn < 200 && !isDone; turn += 1) {
    await world.settle();
    if (!isDone) await world.clock.advance(100);
  }
  return await promise;
}

test('a thousand raises of one condition by five nodes are one alert, told once', async (t) => {
  const world = new World();
  const nodes = await world.cluster(...IDS);
  const raises = nodes.flatMap(({ alerts }) => Array.from({ length: 200 }, () => alerts.pain(pain('disk', 'high'))));
  const told = await done(world, Promise.all(raises));
  t.is(new Set(told.map(({ id }) => id)).size, 1);
  const [record, ...others] = world.slots();
  t.is(others.length, 0);
  t.deepEqual([record?.count, [...(record?.reporters ?? [])].sort()], [1_000, IDS]);
  t.deepEqual(
    record?.notices.map(({ to }) => [...to].sort()),
    [['s1', 's3']],
  );
  t.is(record?.attenuated.duplicate, 999);
});

test('a hundred thousand raises of one condition cost a bounded number of commits (S3-61)', async (t) => {
  const world = new World();
  const nodes = await world.cluster(...IDS);
  const raises: Promise<Alert>[] = [];
  for (let round = 0; round < 20; round += 1) {
    for (const { alerts } of nodes)
      for (let n = 0; n < 1_000; n += 1) raises.push(alerts.pain(pain('disk', 'critical')));
    await world.settle();
    await world.clock.advance(100);
  }
  await done(world, Promise.all(raises));
  t.is(world.slots()[0]?.count, 100_000);
  t.is(world.slots()[0]?.notices.length, 1);
  t.true((world.asked['commit'] ?? 0) < 200, `${world.asked['commit']} commits`);
  t.is(world.asked['permit'], undefined);
});

test('what needs no permit is sent before raise returns', async (t) => {
  const world = new World();
  const a = await world.node('a');
  const raised = a.alerts.pain(pain('fire', 'critical'));
  t.is(world.asked['commit'], 1);
  t.is(world.slot('fire')?.state, 'open');
  t.is((await raised).level, 's5');
});

test('a critical one does not wait for commits that are under way', async (t) => {
  const world = new World();
  const a = await world.node('a');
  const others = Array.from({ length: 20 }, (_, n) => a.alerts.pleasure({ kind: `fine ${n}`, message: 'fine' }));
  await world.settle();
  const before = world.asked['commit'] ?? 0;
  for (let n = 0; n < 30; n += 1) void a.alerts.pain(pain(`fire ${n}`, 'critical'));
  t.is(world.asked['commit'], before + 30);
  await done(world, Promise.all(others));
});

test('acks of five nodes at once are one ack after the other, and none is lost', async (t) => {
  const world = new World();
  const nodes = await world.cluster(...IDS);
  const [a] = nodes as [ActingNode];
  const { id } = await done(world, a.alerts.pain(pain('disk', 'critical')));
  await world.settle();
  await done(world, Promise.all(nodes.map((node) => node.alerts.ack(id, 'received', { by: node.id }))));
  const record = world.slot('disk');
  t.is(record?.state, 'acked');
  t.deepEqual(
    record?.history
      .filter(({ event }) => event === 'acked')
      .map(({ by }) => by)
      .sort(),
    IDS,
  );
});

test('each word of an ack does what it says, with who and when (S3-55)', async (t) => {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  const ids: string[] = [];
  for (const kind of ['one', 'two', 'three']) ids.push((await done(world, a.alerts.pain(pain(kind, 'high')))).id);
  await world.settle();
  const eta = world.clock.now() + 20 * MINUTE;
  await b.alerts.ack(ids[0]!, 'responding', { by: 'ada', note: 'on it', eta });
  const { ackedBy, ackType, ackNote, eta: expected, dueAt, state } = world.slot('one')!;
  t.deepEqual([state, ackedBy, ackType, ackNote, expected, dueAt], ['acked', 'ada', 'responding', 'on it', eta, eta]);
  await b.alerts.ack(ids[0]!, 'resolved', { by: 'ada', note: 'mended' });
  t.like(world.slot('one'), { state: 'resolved', resolution: 'resolved', resolvedBy: 'ada' });
  await b.alerts.ack(ids[1]!, 'false_alarm', { by: 'bob' });
  t.like(world.slot('two'), { state: 'resolved', resolution: 'false_alarm', resolvedBy: 'bob' });
  const further = await b.alerts.ack(ids[2]!, 'escalated', { by: 'bob', note: 'above my pay' });
  t.is(further.level, 's4');
  t.like(further.history.at(-1), { event: 'escalated', by: 'bob', note: 'above my pay' });
});

test('what does not live cannot be acked; what is over stays over', async (t) => {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  await t.throwsAsync(a.alerts.ack('nobody'), { instanceOf: AlertNotFound, code: 'ALERT_NOT_FOUND' });
  await t.throwsAsync(a.alerts.ack('x', 'seen' as never), { code: 'CONFIG', message: /alerts\.ack: type/ });
  await t.throwsAsync(a.alerts.ack('x', 'received', { eta: 'soon' as never }), { message: /alerts\.ack\.eta/ });
  const { id, fingerprint } = await done(world, a.alerts.pain(pain('disk', 'high')));
  t.is((await b.alerts.resolve(fingerprint)).state, 'resolved');
  t.is((await b.alerts.ack(id)).state, 'resolved');
  await world.pass(6 * MINUTE, 30 * SECOND);
  await t.throwsAsync(a.alerts.resolve(id), { code: 'ALERT_NOT_FOUND' });
  t.is((await a.alerts.get(id))?.resolution, 'resolved');
});

test('another node acts on what its view does not show yet', async (t) => {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  b.link = 'away';
  const { id } = await done(world, a.alerts.pain(pain('disk', 'high')));
  await world.settle();
  b.link = 'up';
  t.is(b.channel.view.size, 0);
  t.is((await done(world, b.alerts.ack(id))).state, 'acked');
});

test('a condition is over when every node that felt it says so, or is gone', async (t) => {
  const world = new World();
  const nodes = await world.cluster('a', 'b', 'c');
  await done(world, Promise.all(nodes.map(({ alerts }) => alerts.pain(pain('disk', 'high')))));
  await world.settle();
  const [a, b, c] = nodes as [ActingNode, ActingNode, ActingNode];
  c.kill();
  await a.alerts.clear({ kind: 'disk' });
  t.is(world.slot('disk')?.state, 'open');
  await world.settle();
  await b.alerts.clear({ kind: 'disk' });
  t.like(world.slot('disk'), { state: 'resolved', resolution: 'cleared' });
});

test('raise and clear at once end as cleared, whatever has to be asked in between', async (t) => {
  const world = new World();
  const a = await world.node('a');
  const raised = a.alerts.pain(pain('disk', 'medium'));
  const cleared = a.alerts.clear({ kind: 'disk' });
  await done(world, Promise.all([raised, cleared]));
  t.is(world.slot('disk')?.state, 'resolved');
  const { commit } = world.asked;
  await a.alerts.clear({ kind: 'nothing' });
  t.is(world.asked['commit'], commit);
});

test('a wrong raise is refused at the door, and writes nothing (S3-52)', async (t) => {
  const world = new World();
  const a = await world.node('a');
  await t.throwsAsync(a.alerts.pain({ kind: 'x' } as never), { code: 'VALIDATION', message: /message/ });
  await t.throwsAsync(a.alerts.pain(pain('x', 'awful' as never)), { code: 'VALIDATION', message: /severity/ });
  t.notThrows(() => a.channel.signal.raise({ kind: 'x' } as never));
  await world.settle();
  t.is(a.evts('alert_refused').length, 1);
  t.is(world.asked['commit'], undefined);
});

test('ten thousand alerts that come and go leave nothing behind but the archive (S3-61)', async (t) => {
  const world = new World();
  const policy = { retentionMs: 10 * MINUTE };
  const [a, b] = [await world.node('a', { policy }), await world.node('b', { policy })];
  for (let round = 0; round < 10; round += 1) {
    const kinds = Array.from({ length: 1_000 }, (_, n) => `kind ${n}`);
    await done(world, Promise.all(kinds.map((kind) => a.alerts.pain(pain(kind, 'critical', { scope: `${round}` })))));
    await world.settle();
    const ids = world.slots().flatMap(({ id, state }) => (state === 'open' ? id : []));
    t.is(ids.length, 1_000);
    await done(world, Promise.all(ids.map((id) => b.alerts.resolve(id))));
    await world.pass(3 * MINUTE, MINUTE);
    t.true(world.slots().length <= 2_000);
  }
  t.true((await a.alerts.list({ limit: 10_000 })).length <= 6_000);
  await world.pass(6 * MINUTE, 20 * SECOND);
  t.deepEqual([world.slots().length, a.channel.view.size, b.channel.view.size], [0, 0, 0]);
  const before = { ...world.asked };
  await world.pass(MINUTE, 5 * SECOND);
  t.deepEqual(world.asked, before, 'nothing hurts: nothing is asked');
  t.is(world.clock.pending, 0);
});

test('what a backend has lost is put back by those who know it', async (t) => {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  const { id, firstAt } = await done(world, a.alerts.pain(pain('disk', 'high')));
  await world.pass(2 * SECOND);
  world.empty();
  await world.pass(3 * SECOND);
  t.like(world.slot('disk'), { id, firstAt, state: 'open', count: 1 });
  t.deepEqual([a.channel.view.byId(id)?.state, b.channel.view.byId(id)?.state], ['open', 'open']);
  await world.pass(5 * MINUTE, 10 * SECOND);
  t.is(world.slot('disk')?.level, 's4');
});

test('what five nodes see is counted once for limits and storms', async (t) => {
  const world = new World();
  const nodes = await world.cluster(...IDS);
  const kinds = Array.from({ length: 9 }, (_, n) => `kind ${n}`);
  for (const service of ['shop', 'mail', 'bank']) {
    const raises = kinds.flatMap((kind) => nodes.map(({ alerts }) => alerts.pain(pain(kind, 'high', { service }))));
    await done(world, Promise.all(raises));
  }
  t.is(world.slots().length, 27);
  t.true(world.slots().every(({ notices, reporters }) => notices.length === 1 && reporters.length === 5));
  t.is(world.book.windows.rate('storm', 0, 10 * SECOND, world.clock.now()), 27);
});
