import test from 'ava';
import type { InstanceView } from '../../src/health/needs.ts';
import { healthRecordSchema } from '../../src/health/record.ts';
import type { InstanceStatus } from '../../src/ports/report.ts';
import { SELF, setUp, type Stage } from './stage.ts';

const instance = (nodeId: string, facts: Partial<InstanceView> = {}): InstanceView => ({
  nodeId,
  version: '1.0.0',
  status: 'healthy',
  ...facts,
});

/** The registry says of this node what this node says of itself. */
function echo({ health, instances }: Stage, mailbox: string): void {
  const service = mailbox.split('@')[0]!;
  const others = (instances.get(service) ?? []).filter(({ nodeId }) => nodeId !== SELF);
  instances.set(service, [...others, instance(SELF, health.statusOf(mailbox))]);
}

function fail(stage: Stage, mailbox: string, times: number): void {
  for (let time = 0; time < times; time++) stage.health.outcome(mailbox, 5, true);
}

test('with one of two instances healthy a service is healthy (S1-37)', async (t) => {
  using stage = setUp();
  stage.instances.set('users', [instance('a', { score: 0.8, responseMs: 20 }), instance('b', { status: 'unhealthy' })]);
  const record = await stage.health.of('users');
  t.like(record, { isHealthy: true, healthyInstances: 1, status: 'degraded', score: 0.8, responseMs: 20 });
  t.regex(record.error!, /b is unhealthy/);
  t.is(record.instances.length, 2);
  await t.throwsAsync(stage.health.of('nobody'), { code: 'SERVICE_NOT_FOUND' });
  t.deepEqual(Object.keys(await stage.health.all()), ['users']);
});

test('the record of a service parses with the exported schema (S2-23)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.health.check('db', () => true, { service: 'users' });
  await stage.clock.advance(0);
  stage.health.outcome('users@1', 12, false);
  echo(stage, 'users@1');
  const record = await stage.health.of('users');
  t.deepEqual(
    healthRecordSchema.parse(JSON.parse(JSON.stringify(record))),
    JSON.parse(JSON.stringify(record)) as never,
  );
  t.like(record, { service: 'users', isHealthy: true, score: 1, responseMs: 12, lastCheck: stage.clock.now() });
  t.like(record.details['checks'], { db: { status: 'healthy', failures: 0 } });
  t.false(healthRecordSchema.safeParse({ ...record, score: 2 }).success);
});

test('each of the four limits alone makes a service unhealthy (S2-23)', async (t) => {
  const flips: Readonly<Record<string, (stage: Stage) => Promise<void> | void>> = {
    'a check': (stage) => {
      stage.health.check('db', () => false, { service: 'users', failureThreshold: 1 });
    },
    'its score': async (stage) => {
      let down = false;
      stage.health.check('db', () => !down, { service: 'users', failureThreshold: 100, intervalMs: 100 });
      await stage.clock.advance(0);
      down = true;
      await stage.clock.advance(500);
    },
    'its probes': (stage) => {
      stage.health.check('db', () => new Promise((resolve) => stage.clock.setTimer(6_000, () => resolve(true))), {
        service: 'users',
        timeoutMs: 20_000,
      });
    },
    'of its work': (stage) => {
      // Nine good ones after each bad, so that the score stays high.
      for (let round = 0; round < 20; round++) stage.health.outcome('users@1', 5, round % 10 === 0);
    },
  };
  for (const [which, flip] of Object.entries(flips)) {
    const limits = { minScore: 0.3, maxResponseMs: 5_000, maxErrorRate: 0.1 };
    using stage = setUp({ policy: { limits } });
    stage.health.serve('users@1');
    echo(stage, 'users@1');
    t.true((await stage.health.of('users')).isHealthy);
    await flip(stage);
    await stage.clock.advance(7_000);
    echo(stage, 'users@1');
    const record = await stage.health.of('users');
    t.false(record.isHealthy, which);
    t.regex(record.error!, which === 'a check' ? /db: it answered false/ : new RegExp(which));
  }
});

test('work that fails takes an instance out, pings bring it back, and an idle or new one is routable (S4-15)', async (t) => {
  using stage = setUp();
  for (const mailbox of ['users@1', 'idle@1']) stage.health.serve(mailbox);
  fail(stage, 'users@1', 3);
  t.is(stage.health.vitals('users@1').score, 0.4);
  await stage.clock.advance(1_000);
  t.deepEqual(stage.health.statusOf('users@1'), { status: 'unhealthy', reason: 'work: it failed too often of late' });
  t.deepEqual(stage.pings, ['users@1']);
  await stage.clock.advance(2_000);
  t.is(stage.health.statusOf('users@1').status, 'unhealthy', 'three successes are not enough');
  await stage.clock.advance(2_000);
  t.is(stage.health.statusOf('users@1').status, 'healthy', 'four are');
  t.is(stage.pings.length, 4);
  t.deepEqual(stage.rotations, [], 'it went on claiming');
  t.is(stage.health.statusOf('idle@1').status, 'healthy');
  stage.health.serve('new@1');
  t.deepEqual(stage.health.vitals('new@1'), { score: 1 });
  t.is(stage.health.statusOf('new@1').status, 'healthy');
});

test('the overview averages over what was measured (S2-40)', async (t) => {
  using stage = setUp();
  stage.instances.set('users', [instance('a', { responseMs: 100 })]);
  stage.instances.set('billing', [instance('a', { status: 'unhealthy' })]);
  const overview = await stage.health.overview();
  t.like(overview, { total: 2, healthy: 1, unhealthy: 1, averageResponseMs: 100 });
  t.deepEqual(
    overview.services.map(({ service, status }) => [service, status]),
    [
      ['users', 'healthy'],
      ['billing', 'unhealthy'],
    ],
  );
});

test('checking a live, a failing and an unknown service now resolves, rejects with its error, and is not found (S3-05)', async (t) => {
  using stage = setUp();
  const broken = new Error('disk on fire');
  stage.health.serve('live@1');
  stage.health.serve('bare@1');
  stage.health.serve('failing@1');
  let runs = 0;
  stage.health.check('db', () => void (runs += 1), { service: 'live' });
  stage.health.check('disk', () => Promise.reject(broken), { service: 'failing' });
  for (const mailbox of ['live@1', 'bare@1', 'failing@1']) echo(stage, mailbox);
  stage.instances.set('elsewhere', [instance('b')]);
  stage.instances.set('ill', [instance('b', { status: 'unhealthy' })]);
  await stage.health.run('live');
  t.is(runs, 1);
  t.is(await t.throwsAsync(stage.health.run('failing')), broken);
  await t.throwsAsync(stage.health.run('unknown'), { code: 'SERVICE_NOT_FOUND' });
  await stage.health.run('bare');
  await stage.health.run('elsewhere');
  t.deepEqual(stage.pings, ['bare', 'elsewhere']);
  await t.throwsAsync(stage.health.run('ill'), { code: 'NO_HEALTHY_INSTANCES' });
  t.deepEqual(Object.keys(await stage.health.all()), ['live', 'bare', 'failing', 'elsewhere', 'ill']);
});

test('a check that says no without an error rejects with CHECK_FAILED and its reason (S3-05)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.health.check('disk', () => ({ status: 'unhealthy', reason: 'full' }), { service: 'users' });
  echo(stage, 'users@1');
  await t.throwsAsync(stage.health.run('users'), { code: 'CHECK_FAILED', message: 'disk: full' });
});

test('probes have their own function: what they do is no work of the service (S1-39, regression 13)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  let probed = 0;
  stage.health.check('probe', () => void (probed += 1), { service: 'users' });
  await stage.clock.advance(85_000);
  stage.health.outcome('users@1', 3, false);
  await stage.clock.advance(5_000);
  t.is(probed, 4);
  t.like((await stage.health.figures()).services['users@1'], { ended: 1, responseMs: 3 });
});

test('what an instance is called follows what is seen of it (S3-27)', async (t) => {
  using stage = setUp();
  const { health, events, instances } = stage;
  instances.set('users', [
    instance('a'),
    instance('b', { status: 'degraded' }),
    instance('c', { status: 'unhealthy' }),
  ]);
  events.emit('expired', { service: 'users', nodeId: 'd', nodeName: 'd', version: '1.0.0' });
  const standings = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((nodeId) => health.standing('users', nodeId)));
  t.deepEqual(standings, ['healthy', 'degraded', 'unhealthy', 'expired', 'unknown']);
  events.emit('registered', { service: 'users', nodeId: 'd', nodeName: 'd', version: '1.0.0' });
  t.is(await health.standing('users', 'd'), 'unknown');
  events.emit('expired', { service: 'gone', nodeId: 'd', nodeName: 'd', version: '1.0.0' });
  t.like(await health.of('gone'), { status: 'expired', isHealthy: false, score: 0, healthyInstances: 0 });
});

test('history tells what was seen here and elsewhere, and does not grow (S2-21, S1-38)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.health.check('db', () => true, { service: 'users' });
  await stage.clock.advance(30_000);
  const event = { service: 'users', nodeName: 'b', version: '1.0.0', from: 'healthy' as const };
  stage.events.emit('health', { ...event, nodeId: 'b', to: 'unhealthy', reason: 'full' });
  stage.events.emit('health', { ...event, nodeId: SELF, to: 'unhealthy' });
  const moments = stage.health.history('users', 10).map(({ nodeId, status }) => `${nodeId} ${status}`);
  t.deepEqual(moments, [`${SELF} healthy`, `${SELF} healthy`, `${SELF} healthy`, 'b unhealthy']);
  for (let beat = 0; beat < 10_000; beat++) {
    const to: InstanceStatus = beat % 2 === 0 ? 'healthy' : 'degraded';
    stage.events.emit('health', { ...event, nodeId: 'b', to });
  }
  t.is(stage.health.history('users', 20_000).length, 1_000);
});

test('a node without what it depends on is degraded with the reason, and not ready where that is critical', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.facts.lastBeatAt = stage.clock.elapsed();
  stage.instances.set('billing', [instance('b', { status: 'unhealthy' })]);
  stage.health.dependsOn(['billing']);
  await stage.clock.advance(0);
  t.is(stage.health.statusOf('users@1').status, 'degraded');
  t.regex(stage.health.nodeStatus().reason!, /no instance of billing/);
  t.true(stage.health.readiness().ready);
  stage.health.dependsOn(['billing'], { critical: true });
  await stage.clock.advance(0);
  t.deepEqual(stage.health.readiness().reasons, ['no instance of billing, which this node depends on, can take work']);
  stage.instances.set('billing', [instance('b')]);
  stage.events.emit('registered', { service: 'billing', nodeId: 'b', nodeName: 'b', version: '1.0.0' });
  await stage.clock.advance(0);
  t.true(stage.health.readiness().ready);
  t.is(stage.health.statusOf('users@1').status, 'healthy');
});

test('a loop that stands is seen with the next beat, and forgiven after three calm ones (S0-41)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  const after = async (delayMs: number): Promise<string> => {
    stage.delayMs = delayMs;
    await stage.clock.advance(1_000);
    return stage.health.statusOf('users@1').status;
  };
  t.is(await after(700), 'degraded');
  t.is(await after(1_500), 'unhealthy');
  t.is(stage.health.loopDelayMs, 1_500);
  t.is(await after(0), 'unhealthy');
  t.is(await after(0), 'unhealthy');
  t.is(await after(0), 'healthy');
  t.deepEqual(stage.rotations, []);
});

test('a node that drains says so, whatever its checks say', (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.facts.draining = true;
  t.deepEqual(stage.health.statusOf('users@1'), { status: 'draining' });
  t.deepEqual(stage.health.nodeStatus(), { status: 'draining' });
});

test('the figures for alert rules: error rate, response time, memory, loop delay, backend (S4-21)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  for (let index = 0; index < 100; index++) stage.health.outcome('users@1', 50, index % 100 < 21);
  stage.delayMs = 40;
  await stage.clock.advance(1_000);
  const figures = await stage.health.figures();
  t.like(figures.services['users@1'], { ended: 100, errorRate: 0.21 });
  t.true(Math.abs(figures.services['users@1']!.responseMs! - 50) < 1e-9);
  t.is(figures.loopDelayMs, 40);
  t.is(figures.backend.connections, 3);
  t.true(figures.memoryShare > 0 && figures.memoryShare < 1);
  t.true(figures.cpuShare >= 0);
  await stage.clock.advance(10_000);
  t.is((await stage.health.figures()).services['users@1']!.errorRate, undefined, 'what is old is forgotten');
});
