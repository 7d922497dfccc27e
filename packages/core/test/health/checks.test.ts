import test from 'ava';
import type { CheckFn } from '../../src/health/probes/answer.ts';
import { setUp, type Stage } from './stage.ts';

/** A check that fails while `down`, and when it ran (elapsed ms). */
function spy(stage: Stage): { readonly fn: CheckFn; readonly runs: number[]; down: boolean } {
  const runs: number[] = [];
  const self = {
    runs,
    down: false,
    fn: () => {
      runs.push(stage.clock.elapsed());
      if (self.down) throw new Error('no database');
    },
  };
  return self;
}

const never = (): Promise<void> => new Promise(() => {});

test('a check runs at 0, 30 and 60 s, and 10 s after a failure (S2-20)', async (t) => {
  using stage = setUp();
  const check = spy(stage);
  stage.health.check('db', check.fn);
  await stage.clock.advance(60_000);
  t.deepEqual(check.runs, [0, 30_000, 60_000]);
  check.down = true;
  await stage.clock.advance(30_000);
  t.deepEqual(check.runs.slice(3), [90_000]);
  await stage.clock.advance(20_000);
  t.deepEqual(check.runs.slice(4), [100_000, 110_000]);
  check.down = false;
  await stage.clock.advance(40_000);
  t.deepEqual(check.runs.slice(6), [120_000, 150_000]);
});

test('runs are jittered by a tenth (S2-20)', async (t) => {
  const randoms = [0, 1];
  using stage = setUp({ random: () => randoms.shift() ?? 0.5 });
  const check = spy(stage);
  stage.health.check('db', check.fn);
  await stage.clock.advance(61_000);
  t.deepEqual(check.runs, [0, 27_000, 60_000]);
});

test('checks run in parallel, and one that hangs is cut at its timeout and aborted (S3-26, S4-20)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  const quick = spy(stage);
  let aborted: unknown;
  const hang: CheckFn = (signal) => {
    signal.addEventListener('abort', () => (aborted = signal.reason));
    return never();
  };
  stage.health.check('hangs', hang, { failureThreshold: 1 });
  stage.health.check('quick', quick.fn);
  await stage.clock.advance(4_999);
  t.is(quick.runs.length, 1);
  t.is(aborted, undefined);
  await stage.clock.advance(1);
  t.is((aborted as { code?: string }).code, 'CHECK_FAILED');
  t.deepEqual(stage.health.statusOf('users@1'), {
    status: 'unhealthy',
    reason: 'hangs: no answer within 5000 ms',
  });
  t.is(stage.health.checks()['hangs']?.status, 'unhealthy');
});

test('a check that ignores its signal is not started twice, and fails meanwhile', async (t) => {
  using stage = setUp();
  let started = 0;
  let release = (): void => {};
  stage.health.check('hangs', () => {
    started += 1;
    return new Promise<void>((resolve) => (release = resolve));
  });
  stage.health.serve('users@1');
  await stage.clock.advance(26_000);
  t.is(started, 1);
  t.is(stage.health.statusOf('users@1').status, 'unhealthy');
  release();
  await stage.clock.advance(10_000);
  t.is(started, 2);
  release();
  await stage.clock.advance(0);
  t.is(stage.health.statusOf('users@1').status, 'healthy');
});

test('a check answers with nothing, a boolean, a status, or a status and its reason; other answers fail (S3-26)', async (t) => {
  const answers: readonly (readonly [unknown, string, RegExp?])[] = [
    [undefined, 'healthy'],
    [true, 'healthy'],
    [false, 'unhealthy', /false/],
    ['degraded', 'degraded'],
    [{ status: 'degraded', reason: 'a replica is gone' }, 'degraded', /a replica is gone/],
    [{ status: 'unhealthy', reason: 'gone' }, 'unhealthy', /gone/],
    [null, 'unhealthy', /no status/],
    [{ status: 'fine' }, 'unhealthy', /no status/],
    [42, 'unhealthy', /no status/],
  ];
  for (const [answer, status, reason] of answers) {
    using stage = setUp();
    stage.health.serve('users@1');
    stage.health.check('odd', (() => answer) as CheckFn, { failureThreshold: 1 });
    await stage.clock.advance(0);
    const report = stage.health.statusOf('users@1');
    t.is(report.status, status as never, JSON.stringify(answer));
    if (reason !== undefined) t.regex(report.reason!, reason);
  }
});

test('a failing custom check turns the instance unhealthy, and degraded if it says so (S0-18)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  t.is(stage.health.statusOf('users@1').status, 'healthy');
  let answer: 'degraded' | 'unhealthy' = 'degraded';
  stage.health.check('disk', () => ({ status: answer, reason: 'nearly full' }), { failureThreshold: 1 });
  const before = stage.changes;
  await stage.clock.advance(0);
  t.deepEqual(stage.health.statusOf('users@1'), { status: 'degraded', reason: 'disk: nearly full' });
  t.is(stage.changes, before + 1, 'it is told at once');
  answer = 'unhealthy';
  await stage.clock.advance(30_000);
  t.is(stage.health.statusOf('users@1').status, 'unhealthy');
  t.is(stage.health.nodeStatus().status, 'unhealthy', 'a check of the node speaks for the node');
});

test('a thing that is served takes a while to fail, and is starting where a check was there before it (S1-40)', async (t) => {
  using stage = setUp();
  stage.health.serve('old@1');
  const check = spy(stage);
  check.down = true;
  stage.health.check('db', check.fn);
  stage.health.serve('new@1');
  const both = (): string[] => ['old@1', 'new@1'].map((mailbox) => stage.health.statusOf(mailbox).status);
  t.deepEqual(both(), ['healthy', 'starting']);
  await stage.clock.advance(10_000);
  t.deepEqual(both(), ['healthy', 'starting'], 'two failures');
  await stage.clock.advance(10_000);
  t.deepEqual(both(), ['unhealthy', 'unhealthy'], 'three');
  check.down = false;
  await stage.clock.advance(10_000);
  t.deepEqual(both(), ['healthy', 'healthy']);
});

test('a check speaks for its service on this node alone (S2-19, regressions 10 and 22)', async (t) => {
  using one = setUp();
  using other = setUp();
  for (const { health } of [one, other]) {
    health.serve('users@1');
    health.serve('users@2');
    health.serve('billing@1');
  }
  one.health.check('db', () => false, { service: 'users', failureThreshold: 1 });
  other.health.check('db', () => true, { service: 'users' });
  one.health.check('db', () => false, { service: 'billing@1', failureThreshold: 1 });
  await one.clock.advance(0);
  await other.clock.advance(0);
  const statuses = ({ health }: Stage): string[] =>
    ['users@1', 'users@2', 'billing@1'].map((mailbox) => health.statusOf(mailbox).status);
  t.deepEqual(statuses(one), ['unhealthy', 'unhealthy', 'unhealthy']);
  t.deepEqual(statuses(other), ['healthy', 'healthy', 'healthy']);
  t.is(one.health.nodeStatus().status, 'healthy');
  t.deepEqual(Object.keys(one.health.checks()), ['users/db', 'billing@1/db']);
});

test('without any check an instance is healthy, and taking its check off makes it so (S4-05)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  await stage.clock.advance(5_000);
  t.is(stage.health.statusOf('users@1').status, 'healthy');
  const check = spy(stage);
  check.down = true;
  const remove = stage.health.check('db', check.fn, { service: 'users', failureThreshold: 1 });
  await stage.clock.advance(0);
  t.is(stage.health.statusOf('users@1').status, 'unhealthy');
  remove();
  t.is(stage.health.statusOf('users@1').status, 'healthy');
  await stage.clock.advance(60_000);
  t.is(check.runs.length, 1);
  t.notThrows(() => stage.health.check('db', check.fn, { service: 'users' }), 'its name is free again');
});

test('a probe that fails for 60 s leaves rotation whatever its thresholds, and comes back when it passes (S4-08)', async (t) => {
  using stage = setUp({ policy: { removeBelow: 0 } });
  stage.health.serve('users@1');
  const check = spy(stage);
  check.down = true;
  stage.health.check('db', check.fn, { service: 'users', failureThreshold: 1_000, errorIntervalMs: 30_000 });
  await stage.clock.advance(59_999);
  t.deepEqual(stage.rotations, []);
  await stage.clock.advance(1);
  t.deepEqual(stage.rotations, ['users@1 out']);
  t.is(stage.health.statusOf('users@1').status, 'unhealthy');
  check.down = false;
  await stage.clock.advance(30_000);
  t.deepEqual(stage.rotations, ['users@1 out', 'users@1 in']);
});

test('even one that hangs leaves rotation 60 s after its first failure (S4-08)', async (t) => {
  using stage = setUp({ policy: { removeBelow: 0 } });
  stage.health.serve('users@1');
  stage.health.check('hangs', never, { service: 'users', timeoutMs: 50_000, failureThreshold: 1_000 });
  await stage.clock.advance(109_999);
  t.deepEqual(stage.rotations, []);
  await stage.clock.advance(1);
  t.deepEqual(stage.rotations, ['users@1 out']);
});

test('a score below 0.3 stops the instance from claiming, and the sixth failure hurts, once (S2-25)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.health.serve('billing@1');
  const check = spy(stage);
  stage.health.check('db', check.fn, { service: 'users' });
  await stage.clock.advance(0);
  check.down = true;
  await stage.clock.advance(30_000 + 20_000);
  t.deepEqual(stage.rotations, [], 'three failures: the score is 0.34');
  await stage.clock.advance(10_000);
  t.deepEqual(stage.rotations, ['users@1 out'], 'four: 0.24');
  t.true(stage.health.vitals('users@1').score < 0.3);
  await stage.clock.advance(10_000);
  t.deepEqual(stage.hurts, []);
  await stage.clock.advance(100_000);
  t.deepEqual(stage.hurts, [{ service: 'users', check: 'db', failures: 6, reason: 'no database' }]);
  check.down = false;
  await stage.clock.advance(10_000);
  t.deepEqual(stage.rotations, ['users@1 out', 'users@1 in']);
});

test('a check of the node takes everything that it serves out of rotation (S2-25)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.health.serve('billing@1');
  stage.health.check('db', () => false);
  await stage.clock.advance(30_000);
  t.deepEqual(stage.rotations, ['users@1 out', 'billing@1 out']);
});

test('a ping that a stuck pool does not answer fails though the node beats, a throwing check too (S2-22, S4-19)', async (t) => {
  using stage = setUp();
  stage.health.serve('users@1');
  stage.health.serve('billing@1');
  stage.ping = never;
  stage.health.check('ping', 'ping', { service: 'users', failureThreshold: 1 });
  const broken: CheckFn = () => {
    throw new Error('disk on fire');
  };
  stage.health.check('disk', broken, { service: 'billing', failureThreshold: 1 });
  await stage.clock.advance(5_000);
  t.deepEqual(stage.pings, ['users']);
  t.deepEqual(stage.health.statusOf('users@1'), { status: 'unhealthy', reason: 'ping: no answer within 5000 ms' });
  t.deepEqual(stage.health.statusOf('billing@1'), { status: 'unhealthy', reason: 'disk: disk on fire' });
});

test('a wrong option, a name that is taken and a ping of nobody are refused', (t) => {
  using stage = setUp();
  const add = (options: object, name = 'x') => t.throws(() => stage.health.check(name, () => true, options));
  t.regex(add({ intervalMs: 0 }).message, /check x\.intervalMs/);
  t.regex(add({ errorIntervalMs: 30_001 }).message, /errorIntervalMs/);
  t.regex(add({ timeoutMs: 60_001 }).message, /timeoutMs/);
  t.regex(add({ interval: 5 }).message, /interval/);
  stage.health.check('x', () => true);
  t.like(add({}), { code: 'CONFIG' });
  t.notThrows(() => stage.health.check('x', () => true, { service: 'users' }));
  t.like(
    t.throws(() => stage.health.check('p', 'ping')),
    { code: 'CONFIG' },
  );
});

test('closing stops every check and aborts the one that runs', async (t) => {
  const stage = setUp();
  const check = spy(stage);
  let signal: AbortSignal | undefined;
  stage.health.check('db', check.fn);
  stage.health.check('hangs', (given) => {
    signal = given;
    return never();
  });
  await stage.clock.advance(0);
  stage.health.close();
  t.true(signal!.aborted);
  await stage.clock.advance(120_000);
  t.is(check.runs.length, 1);
});
