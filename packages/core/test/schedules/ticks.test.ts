import test from 'ava';
import fc from 'fast-check';
import { beginning, ticksOf, type Ticks } from '../../src/schedules/ticks.ts';

const BERLIN = 'Europe/Berlin';
const HOUR = 3_600_000;
const SECOND = 1_000;

const at = (text: string): number => Date.parse(text);

function first(ticks: Ticks, after: string, count: number): string[] {
  const found: string[] = [];
  for (let moment = at(after); found.length < count;) {
    const next = ticks.after(moment);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().replace(':00.000Z', 'Z'));
    moment = next;
  }
  return found;
}

const cron = (expression: string, timeZone = BERLIN): Ticks => ticksOf({ cron: expression, timeZone }, 1);

test('in the night that loses an hour, what was due within it is due when it is over, once', (t) => {
  // 2026-03-29 in Berlin: after 01:59 comes 03:00, which is 01:00 UTC.
  t.deepEqual(first(cron('30 2 * * *'), '2026-03-28T00:00:00Z', 3), [
    '2026-03-28T01:30Z',
    '2026-03-29T01:00Z',
    '2026-03-30T00:30Z',
  ]);
  t.deepEqual(first(cron('0 9 * * *'), '2026-03-28T00:00:00Z', 2), ['2026-03-28T08:00Z', '2026-03-29T07:00Z']);
  t.deepEqual(first(cron('*/30 * * * *'), '2026-03-29T00:00:00Z', 4), [
    '2026-03-29T00:30Z',
    '2026-03-29T01:00Z',
    '2026-03-29T01:30Z',
    '2026-03-29T02:00Z',
  ]);
});

test('in the night that has an hour twice, what names a time is due once, what repeats goes on', (t) => {
  // 2026-10-25 in Berlin: 02:00 to 02:59 come twice, from 00:00 and from 01:00 UTC.
  t.deepEqual(first(cron('30 2 * * *'), '2026-10-24T12:00:00Z', 2), ['2026-10-25T00:30Z', '2026-10-26T01:30Z']);
  t.deepEqual(first(cron('30 2 * * *'), '2026-10-25T00:45:00Z', 1), ['2026-10-26T01:30Z']);
  t.deepEqual(first(cron('0 9 * * *'), '2026-10-24T00:00:00Z', 2), ['2026-10-24T07:00Z', '2026-10-25T08:00Z']);
  t.deepEqual(first(cron('30 * * * *'), '2026-10-24T23:00:00Z', 4), [
    '2026-10-24T23:30Z',
    '2026-10-25T00:30Z',
    '2026-10-25T01:30Z',
    '2026-10-25T02:30Z',
  ]);
});

test('whenever somebody looks, over both nights, the next tick is the same', (t) => {
  for (const expression of ['30 2 * * *', '*/20 2 * * *', '15 2,3 * * *', '5 1-3 * * *', '*/30 * * * *']) {
    for (const day of ['2026-03-28T20:00:00Z', '2026-10-24T20:00:00Z']) {
      const ticks = cron(expression);
      const inOrder = first(ticks, day, 60).map((text) => at(text));
      for (let moment = at(day); moment < at(day) + 24 * HOUR; moment += 7 * 60 * SECOND) {
        t.is(
          ticks.after(moment),
          inOrder.find((tick) => tick > moment),
        );
      }
    }
  }
});

test('the last tick up to now is found over a night as over a year', (t) => {
  const daily = cron('30 2 * * *');
  t.is(daily.latest(at('2026-03-28T01:30:00Z'), at('2026-03-28T12:00:00Z')), at('2026-03-28T01:30:00Z'));
  t.is(daily.latest(at('2026-03-28T01:30:00Z'), at('2026-03-29T01:00:00Z')), at('2026-03-29T01:00:00Z'));
  t.is(daily.latest(at('2026-03-28T01:30:00Z'), at('2027-03-28T00:59:59Z')), at('2027-03-27T01:30:00Z'));
  const seconds = cron('* * * * * *');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 * 24 * HOUR }), (passed) => {
      const tick = at('2026-01-01T00:00:00Z');
      return seconds.latest(tick, tick + passed) === tick + passed - (passed % SECOND);
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 * 24 * HOUR }), (passed) => {
      const ticks = cron('*/7 2-4 * * 1,3');
      const tick = ticks.after(at('2026-10-01T00:00:00Z')) as number;
      const now = tick + passed;
      const latest = ticks.latest(tick, now);
      const next = ticks.after(latest);
      return latest <= now && next !== undefined && next > now;
    }),
    { numRuns: 100 },
  );
});

test('ticks of every keep their phase, however late one looks', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 100_000 }),
      fc.integer({ min: 1, max: 1e13 }),
      fc.integer({ min: 0, max: 1e10 }),
      (every, from, passed) => {
        const ticks = ticksOf({ every }, from);
        const now = from + passed;
        const next = ticks.after(now) as number;
        const latest = ticks.latest(from, now);
        return (next - from) % every === 0 && next > now && next - every <= now && latest === next - every;
      },
    ),
  );
  t.is(ticksOf({ every: 100 }, 5_000).after(0), 5_000);
});

test('a start in the past sets the phase and misses nothing', (t) => {
  t.is(beginning({ every: 1_000 }, undefined, 10_500.2), 11_501);
  t.is(beginning({ every: 1_000 }, 300, 10_500), 11_300);
  t.is(beginning({ every: 1_000 }, 500, 10_500), 10_500);
  t.is(beginning({ every: 1_000 }, 20_000, 10_500), 20_000);
  t.is(beginning({ cron: '* * * * *', timeZone: 'UTC' }, 300, 10_500), 10_500);
  t.is(beginning({ at: 5 }, undefined, 10_500), 5);
  t.is(beginning({ delayMs: 5 }, undefined, 10_500), 10_505);
});

test('what happens once has one tick', (t) => {
  const ticks = ticksOf({ at: 1_000 }, 1_000);
  t.is(ticks.after(999), 1_000);
  t.is(ticks.after(1_000), undefined);
  t.is(ticks.latest(1_000, 99_999), 1_000);
});
