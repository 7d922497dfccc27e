import fc from 'fast-check';
import test from 'ava';
import { drawn, type Bucket } from '../../src/limits/bucket.ts';
import type { Turn } from '../../src/limits/turn.ts';
import { House } from './house.ts';

const HUNDRED = { perSecond: 100, burst: 1 };

test('a hundred a second over three nodes are exactly that (S4-46)', async (t) => {
  const house = new House();
  const starts: number[] = [];
  const desks = ['a', 'b', 'c'].map((id) => house.desk(id));
  for (let n = 0; n < 1_500; n += 1) {
    const rate = desks[n % 3]!.rate('m', HUNDRED);
    rate.enter(house.waiter((turn) => turn.kind === 'go' && starts.push(house.clock.elapsed())));
  }
  t.true(house.asked <= 3, 'whatever asks in one turn asks together');
  await house.clock.advance(10_000);
  for (const second of [0, 1, 4, 9]) {
    const inIt = starts.filter((at) => at >= second * 1_000 && at < (second + 1) * 1_000);
    t.true(Math.abs(inIt.length - 100) <= 1, `second ${second}: ${inIt.length}`);
  }
  t.true(Math.abs(starts.length - 1_001) <= 1);
  t.is(house.asked, 3, 'nobody asks twice');
});

test('who may not be held comes back at its own moment, and its token is spent', async (t) => {
  const house = new House();
  const turns: Turn[] = [];
  const rate = house.desk('a', { most: 2 }).rate('m', HUNDRED);
  for (let n = 0; n < 6; n += 1) rate.enter(house.waiter((turn) => turns.push(turn)));
  await house.clock.advance(0);
  t.deepEqual(turns, [
    { kind: 'go' },
    { kind: 'later', delayMs: 30, paid: true },
    { kind: 'later', delayMs: 40, paid: true },
    { kind: 'later', delayMs: 50, paid: true },
  ]);
  await house.clock.advance(20);
  t.deepEqual(turns.slice(4), [{ kind: 'go' }, { kind: 'go' }]);
});

test('who would come too late is told so, and its token goes to the next', async (t) => {
  const house = new House();
  const turns: [string, Turn][] = [];
  const rate = house.desk('a').rate('m', { perSecond: 1, burst: 1 });
  const enter = (name: string, until: number): void =>
    rate.enter(house.waiter((turn) => turns.push([name, turn]), { until }));
  enter('first', 500);
  enter('second', 500);
  enter('third', Infinity);
  await house.clock.advance(1_000);
  t.deepEqual(turns, [
    ['first', { kind: 'go' }],
    ['second', { kind: 'never', retryAfterMs: 1_000 }],
    ['third', { kind: 'go' }],
  ]);
});

test('what is urgent takes the next token, and nobody waits for ever for that', async (t) => {
  const house = new House();
  const order: string[] = [];
  const rate = house.desk('a').rate('m', { perSecond: 1, burst: 1 });
  const enter = (name: string, rank: number): void =>
    rate.enter(house.waiter((turn) => turn.kind === 'go' && order.push(name), { rank }));
  enter('first', 2);
  for (const name of ['low', 'normal', 'high']) enter(name, { low: 3, normal: 2, high: 1 }[name] ?? 2);
  for (let n = 0; n < 6; n += 1) {
    await house.clock.advance(1_000);
    enter(`high ${n}`, 1);
  }
  await house.clock.advance(10_000);
  t.deepEqual(order.slice(0, 3), ['first', 'high', 'normal']);
  t.true(order.indexOf('low') < 6, order.join());
});

test('while there is nobody to ask, one after the other is not more than the part either', async (t) => {
  const house = new House();
  house.away = true;
  const desk = house.desk('a');
  let starts = 0;
  for (let n = 0; n < 40; n += 1) {
    desk
      .rate('m', { perSecond: 10, burst: 1 })
      .enter(house.waiter((turn) => turn.kind === 'go' && (starts += 1), { until: house.clock.elapsed() + 1 }));
    await house.clock.advance(5);
  }
  t.true(starts <= 3, `${starts} in 0.2 s of 10 a second`);
  desk.release();
  desk.changed(
    () => ({ perSecond: 10, burst: 1 }),
    () => undefined,
  );
  await house.clock.advance(5_000);
  t.is(house.clock.pending, 0);
  const known: string[] = [];
  desk.changed(
    (name) => void known.push(name),
    () => undefined,
  );
  t.deepEqual(known, [], 'and what has been earned is forgotten');
});

test('released, whoever waits comes back; with other terms it asks anew; without any it goes', async (t) => {
  const house = new House();
  const desk = house.desk('a');
  const turns: Turn[] = [];
  const enter = (times: number): void => {
    for (let n = 0; n < times; n += 1)
      desk.rate('m', { perSecond: 1, burst: 1 }).enter(house.waiter((turn) => turns.push(turn)));
  };
  enter(3);
  await house.clock.advance(1);
  desk.release();
  t.deepEqual(turns.splice(0), [
    { kind: 'go' },
    { kind: 'later', delayMs: 999, paid: true },
    { kind: 'later', delayMs: 1_999, paid: true },
  ]);
  await house.clock.advance(2_000);
  enter(4);
  await house.clock.advance(0);
  desk.changed(
    () => ({ perSecond: 1_000, burst: 1 }),
    () => undefined,
  );
  await house.clock.advance(10);
  t.deepEqual(
    turns.splice(0),
    Array.from({ length: 4 }, () => ({ kind: 'go' })),
  );
  desk.changed(
    () => ({ perSecond: 1, burst: 1 }),
    () => undefined,
  );
  enter(3);
  await house.clock.advance(0);
  desk.changed(
    () => undefined,
    () => undefined,
  );
  t.is(turns.length, 3);
  t.is(house.clock.pending, 0, 'no timer is left');
});

test('while there is nobody to ask, each node keeps to its part', async (t) => {
  const house = new House();
  const starts: number[] = [];
  const desks = ['a', 'b', 'c', 'd'].map((id) => house.desk(id));
  house.away = true;
  for (let n = 0; n < 800; n += 1) {
    desks[n % 4]!.rate('m', HUNDRED).enter(
      house.waiter((turn) => turn.kind === 'go' && starts.push(house.clock.elapsed())),
    );
  }
  await house.clock.advance(2_000);
  t.true(Math.abs(starts.length - 200) <= 8, `${starts.length} in two seconds`);
});

test('a bucket gives no more than time earns and it keeps, over any run of draws', (t) => {
  const seed = Date.now() & 0xffff;
  t.log({ seed });
  const step = fc.record({ waitMs: fc.integer({ min: 0, max: 300 }), wanted: fc.integer({ min: 0, max: 30 }) });
  let granted = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(step, { maxLength: 50 }),
      (perSecond, burst, steps) => {
        let bucket: Bucket | undefined;
        let now = 1_000_000;
        const moments: number[] = [];
        for (const { waitMs, wanted } of steps) {
          now += waitMs;
          const draw = drawn(bucket, { perSecond, burst, wanted, returned: 0, withinMs: 500 }, now);
          bucket = draw.bucket;
          const { granted: count, leadMs } = draw.answer;
          granted += count;
          for (let index = 0; index < count; index += 1)
            moments.push(now + Math.max(0, leadMs + (index * 1_000) / perSecond));
        }
        // In any stretch of time: what is kept, and what it brings.
        return moments.every((from, first) =>
          moments.slice(first).every((to, count) => count + 1 <= burst + ((to - from) / 1_000) * perSecond + 1e-3),
        );
      },
    ),
    { seed, numRuns: 200 },
  );
  t.true(granted > 2_000, `${granted} tokens were granted`);
});
