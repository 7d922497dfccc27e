import test from 'ava';
import fc from 'fast-check';
import { exponential, fullJitter } from '../src/ground/backoff.ts';
import { judge, type Failure, type Judged } from '../src/serving/verdict.ts';

const policy = { deliveries: 3, delayMs: 100, maxDelayMs: 10_000 };
const cast: Judged = { isCall: false, attempt: 1, now: 1_000, deadline: 0 };
const call: Judged = { ...cast, isCall: true, deadline: 5_000 };
const passing: Failure = { retryable: true, crashed: false };
const final: Failure = { retryable: false, crashed: false };
const crash: Failure = { retryable: true, crashed: true };

test('success is acked', (t) => {
  t.deepEqual(judge(undefined, cast, policy), { kind: 'ack' });
  t.deepEqual(judge(undefined, call, policy), { kind: 'ack' });
});

test('a failed call is acked: its caller has the error and decides', (t) => {
  t.deepEqual(judge(passing, call, policy), { kind: 'ack' });
  t.deepEqual(judge(final, call, policy), { kind: 'ack' });
});

test('a failed cast comes back after a back-off until its deliveries are spent', (t) => {
  t.deepEqual(judge(passing, cast, policy), { kind: 'retry', at: 1_100 });
  t.deepEqual(judge(passing, { ...cast, attempt: 2 }, policy), { kind: 'retry', at: 1_200 });
  t.deepEqual(judge(passing, { ...cast, attempt: 3 }, policy), { kind: 'dead' });
});

test('what can never succeed is dead at once', (t) => {
  t.deepEqual(judge(final, cast, policy), { kind: 'dead' });
});

test('a cast that would come back after its deadline is dead', (t) => {
  t.deepEqual(judge(passing, { ...cast, deadline: 1_100 }, policy), { kind: 'dead' });
  t.deepEqual(judge(passing, { ...cast, deadline: 1_101 }, policy), { kind: 'retry', at: 1_100 });
});

test('a call whose thread died is worth another delivery while its caller waits', (t) => {
  t.deepEqual(judge(crash, call, policy), { kind: 'retry', at: 1_100 });
  t.deepEqual(judge(crash, { ...call, deadline: 1_050 }, policy), { kind: 'ack' });
  t.deepEqual(judge(crash, { ...call, attempt: 3 }, policy), { kind: 'ack' });
});

const failure = fc.record({ retryable: fc.boolean(), crashed: fc.boolean() });
const judged = fc.record({
  isCall: fc.boolean(),
  attempt: fc.integer({ min: 1, max: 2_000 }),
  now: fc.nat(),
  deadline: fc.oneof(fc.constant(0), fc.nat()),
});
const policies = fc.record({
  deliveries: fc.integer({ min: 1, max: 1_000 }),
  delayMs: fc.nat(2_147_483_647),
  maxDelayMs: fc.nat(2_147_483_647),
});

test('a verdict never comes back too often, too late or in the past, and no call is ever dead', (t) => {
  fc.assert(
    fc.property(failure, judged, policies, (what, message, limits) => {
      const verdict = judge(what, message, limits);
      if (message.isCall) t.not(verdict.kind, 'dead');
      else t.not(verdict.kind, 'ack');
      if (verdict.kind !== 'retry') return;
      t.true(message.attempt < limits.deliveries);
      t.true(verdict.at >= message.now && verdict.at <= message.now + limits.maxDelayMs);
      t.true(message.deadline === 0 || verdict.at < message.deadline);
    }),
  );
});

test('back-off doubles from its first wait and never exceeds its longest', (t) => {
  t.deepEqual(
    [1, 2, 3, 4].map((attempt) => exponential(attempt, 50, 1_000)),
    [50, 100, 200, 400],
  );
  t.is(exponential(9, 50, 1_000), 1_000);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.nat(1e9), fc.nat(1e9), (attempt, delay, most) => {
      const wait = exponential(attempt, delay, most);
      t.true(Number.isFinite(wait) && wait >= 0 && wait <= most);
      t.true(exponential(attempt + 1, delay, most) >= wait);
    }),
  );
});

test('jitter lies between nothing and the back-off', (t) => {
  t.is(
    fullJitter(3, 50, 1_000, () => 0),
    0,
  );
  t.is(
    fullJitter(3, 50, 1_000, () => 0.5),
    100,
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(1e6), fc.nat(1e6), (attempt, delay, most) => {
      const wait = fullJitter(attempt, delay, most);
      t.true(wait >= 0 && wait <= exponential(attempt, delay, most));
    }),
  );
});
