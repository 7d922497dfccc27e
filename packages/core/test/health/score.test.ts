import test from 'ava';
import fc from 'fast-check';
import {
  afterOutcome,
  afterProbe,
  DEFAULT_LIMITS,
  FULL_MARKS,
  probeScore,
  unhealthyBecause,
  type OutcomeScore,
} from '../../src/health/score.ts';

test('a probe scores by its response time, and the fastest is not the worst (S2-24, regression 20)', (t) => {
  t.deepEqual([0, 50, 100, 200, 1_000].map(probeScore), [1, 1, 1, 0.5, 0.1]);
  t.is(afterProbe(undefined, 0), 1);
  let failing: number | undefined;
  for (let run = 0; run < 50; run++) failing = afterProbe(failing, undefined);
  t.true(failing! < 1e-6);
});

test('a smoothed score falls with failures, and a slow one never as far as a failing one (S2-24)', (t) => {
  let slow: number | undefined;
  for (let run = 0; run < 100; run++) slow = afterProbe(slow, 60_000);
  t.true(slow! > DEFAULT_LIMITS.minScore);
  let score: number | undefined;
  const falling = [1, 2, 3, 4].map(() => (score = afterProbe(score, undefined)));
  t.true(falling[2]! > 0.3 && falling[3]! < 0.3);
});

function play(outcomes: string, from: OutcomeScore = FULL_MARKS): OutcomeScore {
  let score = from;
  for (const outcome of outcomes) score = afterOutcome(score, outcome === '-');
  return score;
}

test('outcomes move a score down fast and up slowly: out below 0.5, back at 0.8 (S4-15)', (t) => {
  t.deepEqual(play('---'), { score: 0.4, routable: false });
  t.deepEqual(play('---+++'), { score: 0.7, routable: false });
  t.deepEqual(play('---++++'), { score: 0.8, routable: true });
  t.deepEqual(play('--'), { score: 0.6, routable: true });
  t.deepEqual(FULL_MARKS, { score: 1, routable: true }, 'a new one is routable at once');
});

test('whatever its outcomes, a score stays between 0 and 1 and in tenths', (t) => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (failures) => {
      let score = FULL_MARKS;
      for (const failed of failures) {
        score = afterOutcome(score, failed);
        t.true(score.score >= 0 && score.score <= 1 && Number.isInteger(score.score * 10));
      }
    }),
  );
});

test('four limits flip the health, each alone (S2-23)', (t) => {
  const well = { score: 1, responseMs: 10, errorRate: 0, checkFailed: false };
  const why = (change: object): string | undefined => unhealthyBecause({ ...well, ...change }, DEFAULT_LIMITS);
  t.is(why({}), undefined);
  t.regex(why({ score: 0.29 })!, /score/);
  t.regex(why({ responseMs: 5_001 })!, /5000 ms/);
  t.regex(why({ errorRate: 0.5 })!, /50 %/);
  t.regex(why({ checkFailed: true })!, /check/);
  t.is(why({ score: 0.3, responseMs: 5_000, errorRate: 0.49 }), undefined);
});
