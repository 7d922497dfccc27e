/** Silences, the live policy, conditions by samples, lists and figures. */
import test from 'ava';
import { DEFAULT_ALERT_POLICY } from '../../src/alerts/policy.ts';
import { MINUTE, pain, SECOND, World, type ActingNode } from './acting.ts';

const BY = { author: 'ada', reason: 'moving house' };

async function pair(): Promise<{ world: World; a: ActingNode; b: ActingNode }> {
  const world = new World();
  const [a, b] = (await world.cluster('a', 'b')) as [ActingNode, ActingNode];
  return { world, a, b };
}

test('a silence needs an end, a reason and somebody; critical ones need force, and nothing is written else', async (t) => {
  const { world, a } = await pair();
  const refused: [object, object, RegExp][] = [
    [{ kinds: ['x'] }, BY, /alerts\.silence: .*forMs or until/],
    [{ kinds: ['x'] }, { ...BY, forMs: 1, until: 2 }, /forMs or until/],
    [{ kinds: ['x'] }, { reason: 'x', forMs: 1 }, /alerts\.silence\.author/],
    [{ kinds: ['x'] }, { ...BY, until: 1 }, /alerts\.silence\.until/],
    [{}, { ...BY, forMs: 1 }, /must say which alerts/],
    [{ severities: ['critical'] }, { ...BY, forMs: 1 }, /alerts\.silence\.force/],
    [{ knids: ['x'] }, { ...BY, forMs: 1 }, /knids/],
  ];
  for (const [matcher, options, message] of refused) {
    await t.throwsAsync(a.alerts.silence(matcher, options as never), { code: 'CONFIG', message });
  }
  t.is((await a.alerts.silenceHistory()).length, 0);
  t.is(world.asked['commit'], undefined);
});

test('a silence holds on every node, not for what is critical, and tells what is still open at its end', async (t) => {
  const { world, a, b } = await pair();
  const { id } = await a.alerts.silence({ kinds: ['noise'] }, { ...BY, forMs: 2 * MINUTE });
  t.deepEqual(
    b.alerts.silences().map((silence) => silence.id),
    [id],
  );
  await b.alerts.pain(pain('noise', 'high'));
  t.like(world.slot('noise'), { held: { by: 'silence' }, attenuated: { silence: 1 }, notices: [] });
  await b.alerts.pain(pain('noise', 'critical', { scope: 'loud' }));
  t.is(world.slots().find(({ severity }) => severity === 'critical')?.notices.length, 1);
  await world.pass(2 * MINUTE + SECOND);
  t.is(world.slot('noise')?.notices[0]?.why, 'released');
  t.deepEqual(b.alerts.silences(), []);
  t.like((await b.alerts.stats()).here, { raised: 2, attenuated: { silence: 1 } });
});

test('a forced silence covers what is critical; taken away, what it held is told at once, and who did it is known', async (t) => {
  const { world, a, b } = await pair();
  const until = world.clock.now() + 10 * MINUTE;
  const silence = await a.alerts.silence({ severities: ['critical'] }, { ...BY, until, force: true });
  await b.alerts.pain(pain('fire', 'critical'));
  t.like(world.slot('fire'), { held: { by: 'silence', until }, notices: [] });
  t.true(await b.alerts.unsilence(silence.id, { by: 'bob' }));
  t.false(await b.alerts.unsilence(silence.id));
  await world.settle();
  t.is(world.slot('fire')?.notices.length, 1);
  t.deepEqual([a.alerts.silences(), b.alerts.silences()], [[], []]);
  t.deepEqual(
    (await b.alerts.silenceHistory()).map(({ id, by, silence }) => [id, by, silence?.reason]),
    [
      [silence.id, 'ada', 'moving house'],
      [silence.id, 'bob', undefined],
    ],
  );
});

test('what is no silence and no policy is left alone, and said', async (t) => {
  const { world, a } = await pair();
  world.records.change({ family: 'silence', name: 'x', body: { id: 'x', matcher: {} }, by: 'mallory' });
  world.records.change({ family: 'silence', name: 'y', body: 42, by: 'mallory' });
  world.records.change({
    family: 'alerting',
    name: 'policy',
    body: { severities: { high: { ackByMs: -1 } } },
    by: 'm',
  });
  world.records.change({ family: 'alerting', name: 'other', body: {}, by: 'm' });
  t.deepEqual(a.alerts.silences(), []);
  t.is(a.evts('silence_invalid').length, 2);
  t.is(a.evts('alert_policy_invalid').length, 1);
  t.deepEqual(a.alerts.policy, DEFAULT_ALERT_POLICY);
  for (const reader of a.channel.readers) await reader.resync();
  t.deepEqual(a.alerts.policy, DEFAULT_ALERT_POLICY);
});

test('the policy is default, then of the node, then live for all; a wrong one is refused with its path', async (t) => {
  const world = new World();
  const a = await world.node('a', { policy: { burst: 7, severities: { high: { ackByMs: MINUTE } } } });
  const b = await world.node('b');
  t.deepEqual([a.alerts.policy.burst, b.alerts.policy.burst], [7, DEFAULT_ALERT_POLICY.burst]);
  await b.alerts.configure({ severities: { high: { ackByMs: 2 * MINUTE } } }, { by: 'ada' });
  const now = await b.alerts.configure({ severities: { high: { repeatMs: SECOND } }, storm: { enter: 9 } });
  t.like(now.severities.high, { ackByMs: 2 * MINUTE, repeatMs: SECOND });
  t.like(a.alerts.policy, { burst: 7, storm: { enter: 9, digestMs: 10 * SECOND } });
  t.like(a.alerts.policy.severities.high, { ackByMs: 2 * MINUTE, repeatMs: SECOND });
  await t.throwsAsync(b.alerts.configure({ severities: { high: { ackByMs: 'soon' as never } } }), {
    code: 'CONFIG',
    message: /alerts\.configure\.severities\.high\.ackByMs/,
  });
  const late = await world.node('c');
  t.is(late.alerts.policy.storm.enter, 9);
  await b.alerts.configure({}, { replace: true });
  t.deepEqual(b.alerts.policy, DEFAULT_ALERT_POLICY);
  t.is(a.alerts.policy.severities.high.ackByMs, MINUTE);
});

test('a live policy moves the clock of what is raised after it', async (t) => {
  const { world, a, b } = await pair();
  await b.alerts.configure({ severities: { high: { ackByMs: 10 * SECOND } } });
  await a.alerts.pain(pain('slow', 'high'));
  await world.pass(12 * SECOND);
  t.is(world.slot('slow')?.level, 's4');
});

test('limits are counted over all nodes; the eleventh of a source waits, and is told when there is room', async (t) => {
  const { world, a, b } = await pair();
  for (let n = 1; n <= 12; n += 1) {
    await [a, b][n % 2]!.alerts.pain(pain(`high ${n}`, 'high', { service: 'shop' }));
  }
  const held = world.slots().filter((record) => record.held?.by === 'limit');
  t.deepEqual(
    held.map(({ kind }) => kind),
    ['high 11', 'high 12'],
  );
  t.is((await a.alerts.stats()).attenuated.limit, 2);
  await world.pass(MINUTE + 2 * SECOND);
  t.true(world.slots().every(({ notices }) => notices.length === 1));
});

test('a condition is told when it has hurt long enough, and over when it has not', async (t) => {
  const { world, a } = await pair();
  const condition = a.alerts.condition({ ...pain('slow', 'high'), onDelayMs: 5 * SECOND, offDelayMs: 10 * SECOND });
  const sample = async (hurts: boolean, seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      condition.sample(hurts, { metrics: { second } });
      await world.pass(SECOND);
    }
  };
  await sample(true, 4);
  await sample(false, 1);
  await sample(true, 4);
  t.is(world.slot('slow'), undefined);
  await sample(true, 3);
  t.is(world.slot('slow')?.state, 'open');
  const commits = world.asked['commit'] ?? 0;
  await sample(true, 50);
  t.is(world.asked['commit'], commits, 'the same again costs nothing');
  await sample(true, 20);
  t.is(world.slot('slow')?.count, 2);
  await sample(false, 9);
  await sample(true, 1);
  t.is(world.slot('slow')?.state, 'open');
  await sample(false, 12);
  t.like(world.slot('slow'), { state: 'resolved', resolution: 'cleared' });
  condition.close();
  t.throws(() => a.alerts.condition({ ...pain('x'), need: 4, of: 3 }), { code: 'CONFIG', message: /condition\.need/ });
  t.throws(() => a.alerts.condition({ kind: 'x' } as never), { code: 'VALIDATION' });
});

test('what is raised with onDelayMs is told only if it lasts', async (t) => {
  const { world, a } = await pair();
  const raisedAt = world.clock.now();
  const short = a.alerts.pain(pain('short', 'high', { onDelayMs: 5 * SECOND }));
  const long = a.alerts.pain(pain('long', 'high', { onDelayMs: 5 * SECOND }));
  await world.pass(3 * SECOND);
  await a.alerts.clear({ kind: 'short' });
  t.like(await short, { kind: 'short', state: 'resolved' });
  t.is(world.asked['commit'], undefined);
  await world.pass(3 * SECOND);
  t.like(await long, { kind: 'long', state: 'open', firstAt: raisedAt });
  t.is(world.slots().length, 1);
  t.is((await a.alerts.stats()).here.withdrawn, 1);
});

test('lists and figures are the same on every node, and the archive is part of them (S3-62, S3-63)', async (t) => {
  const { world, a, b } = await pair();
  const startedAt = world.clock.now();
  const ids: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    ids.push((await a.alerts.pain(pain(`k${n}`, n < 2 ? 'high' : 'medium', { service: `s${n}` }))).id);
    await world.pass(SECOND);
  }
  await a.alerts.pleasure({ kind: 'nice', message: 'nice' });
  await world.pass(16 * SECOND);
  await b.alerts.ack(ids[0]!, 'received', { by: 'ada' });
  await world.pass(20 * SECOND);
  await b.alerts.resolve(ids[0]!, { by: 'ada' });
  await b.alerts.ack(ids[1]!, 'false_alarm', { by: 'ada' });
  const kinds = async (query: object): Promise<readonly string[]> =>
    (await b.alerts.list(query)).map(({ kind }) => kind);
  t.deepEqual(await kinds({}), ['nice', 'k3', 'k2', 'k1', 'k0']);
  t.deepEqual(await kinds({ severity: 'high' }), ['k1', 'k0']);
  t.deepEqual(await kinds({ severity: ['high', 'medium'], type: 'pain', limit: 1 }), ['k3']);
  t.deepEqual(await kinds({ state: 'active' }), ['k3', 'k2']);
  t.deepEqual(await kinds({ state: 'resolved', type: 'pain' }), ['k1', 'k0']);
  t.deepEqual(await kinds({ source: 's2' }), ['k2']);
  t.deepEqual(await kinds({ source: 'a', kind: 'k1' }), ['k1']);
  t.deepEqual(await kinds({ from: startedAt + 3 * SECOND, to: startedAt + 3 * SECOND }), ['k3']);
  await t.throwsAsync(b.alerts.list({ limit: 0 }), { code: 'CONFIG', message: /alerts\.list\.limit/ });
  await world.pass(6 * MINUTE, 10 * SECOND);
  t.is(world.slots().length, 2);
  t.deepEqual(await kinds({}), ['nice', 'k3', 'k2', 'k1', 'k0']);
  const [one, other] = await Promise.all([a.alerts.stats(), b.alerts.stats()]);
  t.deepEqual({ ...one, here: undefined }, { ...other, here: undefined });
  t.like(one, {
    total: 5,
    resolved: 2,
    falseAlarms: 1,
    falsePositiveRate: 0.25,
    meanAckMs: 20 * SECOND,
    meanResolveMs: 39.5 * SECOND,
  });
  t.is((await b.alerts.get(ids[0]!))?.resolvedBy, 'ada');
  t.is(await b.alerts.get('nobody'), undefined);
});

test('what cannot be read in the store or the log is left out, said, and hurts nobody', async (t) => {
  const { world, a, b } = await pair();
  const commit = (fingerprint: string, body: unknown): unknown =>
    world.book.commit({ fingerprint, expected: 0, body, alertId: 'x', dueAt: 1, event: 'raised' });
  commit('junk', { id: 1 });
  commit('other', 'text');
  await a.alerts.pain(pain('fire', 'critical'));
  await world.settle();
  t.deepEqual([a.channel.view.size, b.channel.view.size], [1, 1]);
  t.true(b.evts('alert_invalid').length >= 2);
  t.is((await b.alerts.list()).length, 1);
  await b.alerts.pain(pain('new', 'critical', { fingerprint: 'junk' }));
  t.is(world.slot('new')?.fingerprint, 'junk');
  const asked = world.asked['due'] ?? 0;
  await world.pass(20 * SECOND);
  t.true((world.asked['due'] ?? 0) - asked < 10);
});

test('beyond the bound what is new is one alert and a line each; what is known and what is critical is kept', async (t) => {
  const world = new World();
  const a = await world.node('a', { policy: { maxLive: 20 } });
  for (let n = 0; n < 20; n += 1) await a.alerts.pain(pain(`k${n}`, 'medium'));
  const more = Array.from({ length: 10 }, (_, n) => a.alerts.pain(pain(`k${20 + n}`, 'medium')));
  more.push(a.alerts.pain(pain('k3', 'medium')), a.alerts.pain(pain('red', 'critical')));
  await world.pass(SECOND);
  await Promise.all(more);
  const crowd = world.slot('too-many-alerts');
  t.deepEqual([crowd?.count, crowd?.severity, crowd?.state], [10, 'high', 'open']);
  t.regex(crowd?.message ?? '', /the last was k29/);
  t.deepEqual([world.slot('k3')?.count, world.slot('red')?.state, world.slot('k25')], [2, 'open', undefined]);
  t.is(world.slots().length, 22);
  t.is(a.lines.filter(({ evt }) => evt === 'alert_crowded').length, 10);
});
