import test from 'ava';
import { aggregate, standingOf, type Part } from '../../src/health/aggregate.ts';
import {
  afterSilence,
  afterVerdict,
  FRESH,
  MAX_FAILING_MS,
  type CheckStatus,
  type Standing,
} from '../../src/health/hysteresis.ts';
import { History, HISTORY_LENGTH } from '../../src/health/history.ts';
import { LoopDelays } from '../../src/health/loop-delay.ts';
import { outBecause } from '../../src/health/rotation.ts';

const THRESHOLDS = { failureThreshold: 3, recoveryThreshold: 1 };
const WORDS: Readonly<Record<string, CheckStatus>> = { '+': 'healthy', '~': 'degraded', '-': 'unhealthy' };

function play(verdicts: string, thresholds: typeof THRESHOLDS = THRESHOLDS, stepMs = 1_000): Standing {
  let standing = FRESH;
  [...verdicts].forEach((word, index) => {
    standing = afterVerdict(standing, { status: WORDS[word]! }, index * stepMs, thresholds);
  });
  return standing;
}

test('two failures are borne, three are not, and one success forgives them (S1-40)', (t) => {
  t.is(play('+--').status, 'healthy');
  t.is(play('+---').status, 'unhealthy');
  t.is(play('+---+').status, 'healthy');
  t.is(play('+--+--').status, 'healthy', 'only failures in a row count');
});

test('recovery takes as many successes as it is set to (S1-40)', (t) => {
  const thresholds = { failureThreshold: 3, recoveryThreshold: 3 };
  t.is(play('+---++', thresholds).status, 'unhealthy');
  t.is(play('+---+++', thresholds).status, 'healthy');
  t.is(play('+---++-++', thresholds).status, 'unhealthy');
  t.is(play('+---++~', thresholds).status, 'degraded');
});

test('a check that never passed is starting until it fails often enough', (t) => {
  t.is(play('').status, 'starting');
  t.is(play('--').status, 'starting');
  t.is(play('---').status, 'unhealthy');
  t.is(play('~').status, 'degraded');
});

test('whatever its threshold, a check that fails for 60 s is unhealthy (S4-08)', (t) => {
  const patient = { failureThreshold: 1_000, recoveryThreshold: 1 };
  const failing = play('+------', patient, 10_000);
  t.is(failing.status, 'healthy');
  t.is(failing.failingSince, 10_000);
  t.is(afterVerdict(failing, { status: 'unhealthy' }, 70_000, patient).status, 'unhealthy');
  t.is(afterSilence(failing, 69_999), failing);
  t.is(afterSilence(failing, 10_000 + MAX_FAILING_MS).status, 'unhealthy', 'though no run has ended since');
  t.is(play('+-----+-', patient, 10_000).status, 'healthy', 'a success starts it anew');
});

test('any unhealthy check makes the whole unhealthy, any degraded one degraded, none healthy (S4-20)', (t) => {
  const parts = (statuses: readonly Part['status'][]): Part[] =>
    statuses.map((status, index) => ({ name: `c${index}`, status, reason: `why ${index}` }));
  t.deepEqual(aggregate([]), { status: 'healthy' });
  t.deepEqual(aggregate(parts(['healthy', 'healthy'])), { status: 'healthy' });
  t.deepEqual(aggregate(parts(['healthy', 'degraded'])), { status: 'degraded', reason: 'c1: why 1' });
  t.deepEqual(aggregate(parts(['degraded', 'unhealthy', 'unhealthy'])), {
    status: 'unhealthy',
    reason: 'c1: why 1; c2: why 2',
  });
  t.is(aggregate(parts(['starting', 'degraded'])).status, 'starting');
  const long = aggregate([{ name: 'x', status: 'unhealthy', reason: 'y'.repeat(100_000) }]);
  t.true(long.reason!.length <= 1_024);
});

test('what is known of an instance follows from its words and its beat (S3-27)', (t) => {
  t.is(standingOf({ status: 'healthy', beating: true }), 'healthy');
  t.is(standingOf({ status: 'degraded', beating: true }), 'degraded');
  t.is(standingOf({ status: 'unhealthy', beating: true }), 'unhealthy');
  t.is(standingOf({ status: 'healthy', beating: false }), 'expired');
  t.is(standingOf(undefined), 'unknown');
});

test('only a failing check takes an instance out of rotation, and it is in again when all of them pass (S2-25)', (t) => {
  const judged = (words: string, score: number) => ({ name: 'db', standing: play(words), score });
  t.is(outBecause(undefined, [judged('+', 0.1)], 0.3, 0), undefined, 'slow is no failure');
  t.is(outBecause(undefined, [judged('+-', 0.7)], 0.3, 0), undefined);
  t.regex(outBecause(undefined, [judged('+-', 0.29)], 0.3, 0)!, /below 0.3/);
  t.regex(outBecause(undefined, [judged('+-', 1)], 0.3, 61_000)!, /too long/);
  t.is(outBecause('why', [judged('+-', 0.7)], 0.3, 0), 'why', 'it stays out while one fails');
  t.is(outBecause('why', [judged('+-+', 0.1)], 0.3, 0), undefined);
});

test('history keeps the last 1,000 moments of a service and no more (S2-21)', (t) => {
  const history = new History();
  for (let at = 0; at < 10_000; at++) history.add('users', { at, nodeId: 'a', status: 'healthy' });
  t.deepEqual(
    history.last('users', 3).map(({ at }) => at),
    [9_997, 9_998, 9_999],
  );
  t.is(history.last('users', 1_000_000).length, HISTORY_LENGTH);
  t.is(history.last('users', 1_000_000)[0]!.at, 9_000);
  t.deepEqual(history.last('users', 0), []);
  t.deepEqual(history.last('nobody', 10), []);
});

test('an event loop that stands degrades its node, and one that stalls makes it unhealthy, for three beats (S0-41)', (t) => {
  const delays = new LoopDelays();
  const after = (ms: number): CheckStatus => {
    delays.add(ms);
    return delays.judge(1_000).status;
  };
  t.deepEqual([10, 500, 501, 10, 10, 10].map(after), [
    'healthy',
    'healthy',
    'degraded',
    'degraded',
    'degraded',
    'healthy',
  ]);
  t.deepEqual([1_001, 10].map(after), ['unhealthy', 'unhealthy']);
  t.is(delays.lastMs, 10);
});
