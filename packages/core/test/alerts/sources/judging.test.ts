/** What judges: pure values. */
import test from 'ava';
import { Burst } from '../../../src/alerts/sources/burst.ts';
import { backendFailureOf } from '../../../src/alerts/sources/backend-failure.ts';
import { Gauge, MOST_OF_FOUR } from '../../../src/alerts/sources/gauge.ts';
import { Histogram } from '../../../src/alerts/sources/histogram.ts';
import { sourcesSchema } from '../../../src/alerts/sources/options.ts';
import { Pains } from '../../../src/alerts/sources/pains.ts';
import { reachedBy, severityOf } from '../../../src/alerts/sources/thresholds.ts';
import { Window } from '../../../src/alerts/sources/window.ts';
import { BackendFull, ConfigError, TransportError } from '../../../src/ground/errors.ts';
import { parseOptions } from '../../../src/ground/parse-options.ts';
import { virtualClock } from '../../../src/testing/virtual-clock.ts';
import { Heard } from './heard.ts';

const RATES = { medium: 0.05, high: 0.1, critical: 0.2 };

test('a figure hurts as much as the highest threshold that it reaches (S4-21)', (t) => {
  t.deepEqual(
    [0.049, 0.05, 0.099, 0.1, 0.199, 0.2, 1].map((rate) => severityOf(rate, RATES)),
    [undefined, 'medium', 'medium', 'high', 'high', 'critical', 'critical'],
  );
  t.is(severityOf(2, { high: 1 }), 'high', 'a threshold that is not given is never reached');
});

test('what hurts goes on to hurt until it is clearly better', (t) => {
  t.is(severityOf(0.046, RATES, 'high'), 'medium');
  t.is(severityOf(0.0449, RATES, 'high'), undefined);
  t.is(severityOf(0.046, RATES), undefined);
});

test('so many looks must agree on how much it hurts', (t) => {
  t.is(reachedBy(['critical', undefined, undefined, undefined], 3), undefined);
  t.is(reachedBy(['medium', 'critical', 'medium'], 3), 'medium');
  t.is(reachedBy(['high', 'critical', 'critical', undefined], 3), 'high');
  t.is(reachedBy(['critical', 'critical', undefined, 'critical'], 3), 'critical');
});

test('one bad look is no pain, three of four are, and it is over when two of four are good', (t) => {
  const heard = new Heard();
  const gauge = new Gauge(heard, {
    facts: { kind: 'heat', scope: 'node:a' },
    thresholds: { medium: 50, high: 80 },
    ...MOST_OF_FOUR,
    say: (value) => ({ message: `${value} degrees`, metrics: { value } }),
  });
  for (const value of [90, 10, 10, 10, 90, 10]) gauge.sample(value);
  t.deepEqual(heard.told, []);
  for (const value of [60, 90, 90]) gauge.sample(value);
  t.deepEqual(heard.told, ['medium heat'], 'three say at least medium, and only two of them high');
  t.deepEqual(heard.find('heat')?.options.metrics, { value: 90, scope: 'node:a' });
  gauge.sample(95);
  t.deepEqual(heard.told, ['medium heat', 'high heat']);
  gauge.sample(20);
  gauge.sample(undefined);
  t.deepEqual(heard.told, ['medium heat', 'high heat', 'clear heat']);
  gauge.end();
});

test('a gauge that ends clears what hurt', (t) => {
  const heard = new Heard();
  const gauge = new Gauge(heard, { facts: { kind: 'heat' }, thresholds: { high: 1 }, say: () => ({ message: 'hot' }) });
  gauge.end();
  gauge.sample(2);
  gauge.end();
  t.deepEqual(heard.told, ['high heat', 'clear heat']);
});

test('what hurts many times a second is told once a second, and cleared once', async (t) => {
  const clock = virtualClock();
  const heard = new Heard();
  const pains = new Pains({ signal: heard, timers: clock });
  let said = 0;
  for (let n = 0; n < 100_000; n += 1)
    pains.hurts('a', { kind: 'ache', scope: 'tooth' }, () => ({ message: `${(said += 1)}` }));
  t.is(said, 1);
  await clock.advance(1_000);
  t.is(said, 2, 'those that came since, as one');
  await clock.advance(10_000);
  t.is(said, 2);
  t.is(heard.find('ache', 'tooth')?.count, 2);
  t.true(pains.over('a'));
  t.false(pains.over('a'));
  t.deepEqual(heard.told, ['medium ache', 'clear ache']);
  t.is(clock.pending, 0);
});

test('a pain that comes in spells is over when it has not come for a while', async (t) => {
  const clock = virtualClock();
  const heard = new Heard();
  const pains = new Pains({ signal: heard, timers: clock });
  pains.hurts('a', { kind: 'ache' }, () => ({ message: 'a' }));
  await clock.advance(50);
  pains.calm(100);
  t.is(heard.open.length, 1);
  await clock.advance(50);
  pains.calm(100);
  t.is(heard.open.length, 0);
});

test('a burst is so many within so long', (t) => {
  const burst = new Burst(3, 100);
  t.deepEqual(
    [0, 60, 100, 120, 161, 162].map((at) => burst.add(at)),
    [false, false, false, true, true, true],
  );
  t.true(new Burst(1, 100).add(5));
});

test('a quantile is right within a sixteenth', (t) => {
  const histogram = new Histogram();
  t.is(histogram.quantile(0.99), 0);
  for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms);
  for (const part of [0.01, 0.5, 0.9, 0.99, 1]) {
    const found = histogram.quantile(part);
    t.true(found >= part * 1_000 && found <= (part * 1_000 * 17) / 16 + 0.01, `${part}: ${found}`);
  }
  for (const odd of [0, 1e-9, 1e12, Number.MAX_VALUE, Infinity, 35 * 60_000]) histogram.add(odd);
  t.is(histogram.size, 1_006);
  histogram.clear();
  t.is(histogram.size, 0);
});

test('a window forgets the looks that are too old', (t) => {
  const window = new Window(60_000, 15_000);
  for (const n of [1, 2, 3, 4, 5]) window.add(n, n * 10);
  t.deepEqual([window.first, window.second], [2 + 3 + 4 + 5, 140]);
});

test('of the failures of the backend, no memory and no permission are pains', (t) => {
  t.is(backendFailureOf(new BackendFull('append: Redis has no memory left (maxmemory)')), 'full');
  t.is(backendFailureOf(new TransportError('append: the Redis user may not do this (NOPERM): check its ACL')), 'auth');
  t.is(backendFailureOf(new TransportError('append: Redis asks for a password (NOAUTH)')), 'auth');
  t.is(backendFailureOf(new TransportError('append: ECONNRESET')), undefined);
});

test('each source can be switched off or given thresholds, and what makes no sense is refused by its path', (t) => {
  const parse = (given: unknown): ReturnType<typeof sourcesSchema.parse> =>
    parseOptions(sourcesSchema, given, 'sources');
  const defaults = parse({});
  t.like(defaults, {
    lookMs: 15_000,
    breaker: { alertAt: 0.8 },
    errorRate: { ...RATES, minCalls: 20, windowMs: 60_000 },
    responseTime: { medium: 500, high: 1_000, critical: 1_200 },
    memory: { medium: 0.72, high: 0.9 },
    cpu: { medium: 0.64, high: 0.8, critical: 0.96 },
    connections: { medium: 800, high: 1_000, critical: 1_200 },
  });
  const off = Object.fromEntries(
    Object.keys(defaults)
      .filter((name) => !['lookMs', 'criticalServices', 'criticalAfter'].includes(name))
      .map((name) => [name, false]),
  );
  t.like(parse(off), off);
  t.like(parse({ errorRate: { high: 0.15 } }), { errorRate: { medium: 0.05, high: 0.15, critical: 0.2 } });
  for (const [given, message] of [
    [{ errorRate: { medium: 0.5 } }, /sources\.errorRate.*must not fall/],
    [{ cpu: { high: 2 } }, /sources\.cpu/],
    [{ colour: true }, /colour/],
  ] as const) {
    t.throws(() => parse(given), { instanceOf: ConfigError, message });
  }
});
