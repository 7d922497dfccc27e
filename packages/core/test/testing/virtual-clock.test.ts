import test from 'ava';
import { systemTimers } from '../../src/ground/clock.ts';
import { virtualClock, waitFor } from '../../src/testing/index.ts';

test('a virtual clock stands still until it is advanced', async (t) => {
  const clock = virtualClock(1_000);
  t.deepEqual([clock.now(), clock.elapsed()], [1_000, 0]);
  await clock.advance(250);
  t.deepEqual([clock.now(), clock.elapsed()], [1_250, 250]);
});

test('timers fire in order, each at its own time, those set on the way included', async (t) => {
  const clock = virtualClock(0);
  const fired: string[] = [];
  const note = (name: string) => (): void => void fired.push(`${name} at ${clock.now()}`);
  clock.setTimer(30, note('c'));
  clock.setTimer(10, () => {
    note('a')();
    clock.setTimer(10, note('b'));
  });
  clock.setTimer(30, note('d'));
  const cancel = clock.setTimer(20, note('never'));
  clock.setTimer(101, note('later'));
  cancel();
  await clock.advance(100);
  t.deepEqual(fired, ['a at 10', 'b at 20', 'c at 30', 'd at 30']);
  t.is(clock.now(), 100);
});

test('what a timer sets off runs before the hands move on, and advances queue up', async (t) => {
  const clock = virtualClock(0);
  const seen: number[] = [];
  clock.setTimer(10, () => setImmediate(() => seen.push(clock.now())));
  await Promise.all([clock.advance(50), clock.advance(50)]);
  t.deepEqual(seen, [10]);
  t.is(clock.now(), 100);
});

test('the system’s timers ring once, and not after they were cancelled', async (t) => {
  const rung: string[] = [];
  systemTimers.setTimer(1, () => rung.push('rung'));
  systemTimers.setTimer(1, () => rung.push('cancelled'))();
  await waitFor(() => rung.length > 0, { withinMs: 5_000, what: 'the timer' });
  t.deepEqual(rung, ['rung']);
});

test('waitFor answers what its condition answered', async (t) => {
  let calls = 0;
  const value = await waitFor(async () => ((calls += 1) === 3 ? 'third' : undefined), {
    withinMs: 5_000,
    what: 'three calls',
  });
  t.is(value, 'third');
});

test('waitFor says what it waited for', async (t) => {
  await t.throwsAsync(
    waitFor(() => 0, { withinMs: 20, what: 'the impossible' }),
    {
      message: 'waited 20 ms for the impossible, in vain; the last answer was 0',
    },
  );
});
