/** The arithmetic of retries over all nodes. */
import test from 'ava';
import fc from 'fast-check';
import { BUDGET_SECONDS, type PermitRequest } from '../src/ports/permits.ts';
import { drawn, newRetryBucket, type RetryBucket } from '../src/resilience/retry-bucket.ts';

const T0 = 1_767_225_600_000;
const REQUEST: PermitRequest = { requests: 0, wanted: 0, ratio: 0.2, minPerSecond: 10, slots: 10, slotMs: 100 };

test('a service that nobody called has ten seconds of the steady budget, and earns it again by time', (t) => {
  const first = drawn(newRetryBucket(10, T0), { ...REQUEST, wanted: 500 }, T0);
  t.is(first.answer.granted, 100);
  const second = drawn(first.bucket, { ...REQUEST, wanted: 500 }, T0 + 1_500);
  t.is(second.answer.granted, 15);
  const idle = drawn(second.bucket, { ...REQUEST, wanted: 500 }, T0 + 3_600_000);
  t.is(idle.answer.granted, 100, 'no more than ten seconds of it are kept');
});

test('what requests earned is kept for ten seconds (S4-32)', (t) => {
  const request = { ...REQUEST, minPerSecond: 0 };
  const { bucket } = drawn(newRetryBucket(0, T0), { ...request, requests: 1_000 }, T0);
  t.is(drawn(bucket, { ...request, wanted: 500 }, T0 + 9_900).answer.granted, 200);
  t.is(drawn(bucket, { ...request, wanted: 500 }, T0 + 10_000).answer.granted, 0);
});

test('fifths add up: five requests are a retry', (t) => {
  let bucket: RetryBucket = newRetryBucket(0, T0);
  let granted = 0;
  for (let call = 0; call < 1_000; call += 1) {
    const step = drawn(bucket, { ...REQUEST, minPerSecond: 0, requests: 1, wanted: 1 }, T0 + call);
    bucket = step.bucket;
    granted += step.answer.granted;
  }
  t.is(granted, 200);
});

test('of a thousand calls a second that all fail a fifth is tried again, and the steady part (S4-32)', (t) => {
  let bucket: RetryBucket = newRetryBucket(REQUEST.minPerSecond, T0);
  let granted = 0;
  for (let ms = 0; ms < 60_000; ms += 10) {
    const step = drawn(bucket, { ...REQUEST, requests: 10, wanted: 10 }, T0 + ms);
    bucket = step.bucket;
    granted += step.answer.granted;
  }
  const calls = 60_000;
  t.true(granted <= 0.2 * calls + (60 + BUDGET_SECONDS) * REQUEST.minPerSecond, `${granted}`);
  t.true(granted >= 0.2 * calls);
});

test('a hundred retries that come at once are spread evenly over the slots (S4-27)', (t) => {
  const { answer } = drawn(newRetryBucket(10, T0), { ...REQUEST, wanted: 100 }, T0);
  const counts = new Map<number, number>();
  for (const wait of answer.waitsMs) counts.set(wait, (counts.get(wait) ?? 0) + 1);
  t.deepEqual(
    [...counts].toSorted(([a], [b]) => a - b),
    Array.from({ length: 10 }, (_, slot) => [slot * 100, 10]),
  );
});

test('never is more granted than was earned, and the bucket stays small', (t) => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  t.log(`seed ${seed}; repeat with SEED=${seed}`);
  const draws = fc.array(
    fc.record({
      waitMs: fc.integer({ min: -50, max: 3_000 }),
      requests: fc.nat({ max: 50 }),
      wanted: fc.nat({ max: 50 }),
    }),
    { maxLength: 100, size: 'max' },
  );
  const histories = fc.property(
    draws,
    fc.constantFrom(0, 0.1, 0.2, 1),
    fc.constantFrom(0, 1, 10),
    (steps, ratio, minPerSecond) => {
      let bucket: RetryBucket = newRetryBucket(minPerSecond, T0);
      let now = T0;
      let latest = T0;
      let earned = BUDGET_SECONDS * minPerSecond;
      let granted = 0;
      for (const { waitMs, requests, wanted } of steps) {
        now += waitMs;
        earned += requests * ratio + (Math.max(0, now - latest) / 1_000) * minPerSecond;
        latest = Math.max(latest, now);
        const step = drawn(bucket, { ...REQUEST, ratio, minPerSecond, requests, wanted }, now);
        bucket = step.bucket;
        granted += step.answer.granted;
        if (step.answer.granted > wanted) throw new Error('more than was wanted');
        if (granted > earned + 1e-6) throw new Error(`${granted} granted, ${earned} earned`);
        if (bucket.steady < 0 || bucket.earnings.length > BUDGET_SECONDS + 1) throw new Error(JSON.stringify(bucket));
      }
    },
  );
  t.notThrows(() => fc.assert(histories, { seed, numRuns: 300 }));
});
