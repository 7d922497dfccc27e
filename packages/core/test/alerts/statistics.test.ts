import test from 'ava';
import type { AlertRecord, Severity } from '../../src/alerts/alert.ts';
import { statistics } from '../../src/alerts/statistics.ts';
import { unrouted } from '../../src/alerts/transitions.ts';
import { HOUR, MINUTE, SECOND, Slot, START } from './judging.ts';

const WINDOW = { from: START, to: START + 24 * HOUR };

function script(severity: Severity, steps: (slot: Slot) => Slot): AlertRecord {
  const slot = steps(new Slot().raise(severity));
  return slot.archive[0] ?? slot.record!;
}

/** Twenty alerts: 17 of pain, 3 of pleasure. */
function twenty(): readonly AlertRecord[] {
  return [
    // Critical: acked after 10 s and resolved after 100 s; after 20 and 200; cleared, and acked after 40; hollow.
    script('critical', (slot) =>
      slot
        .runTo(10 * SECOND)
        .ack()
        .runTo(100 * SECOND)
        .resolve(),
    ),
    script('critical', (slot) =>
      slot
        .runTo(20 * SECOND)
        .ack()
        .runTo(200 * SECOND)
        .resolve(),
    ),
    script('critical', (slot) =>
      slot
        .runTo(5 * SECOND)
        .clear('n1')
        .runTo(40 * SECOND)
        .ack(),
    ),
    script('critical', (slot) =>
      slot
        .runTo(50 * SECOND)
        .ack()
        .runTo(10 * MINUTE),
    ),
    // High: acked after 60 s, resolved after 600 s; never acked, to s4; to s5; two false alarms after 100 s; hollow.
    script('high', (slot) =>
      slot
        .runTo(MINUTE)
        .ack()
        .runTo(10 * MINUTE)
        .resolve(),
    ),
    script('high', (slot) => slot.runTo(6 * MINUTE)),
    script('high', (slot) => slot.runTo(HOUR)),
    script('high', (slot) => slot.runTo(100 * SECOND).resolve({ falseAlarm: true })),
    script('high', (slot) => slot.runTo(100 * SECOND).resolve({ falseAlarm: true })),
    script('high', (slot) =>
      slot
        .runTo(2 * MINUTE)
        .ack()
        .runTo(HOUR),
    ),
    // Medium: healed after 30 s, three times; cleared after 60 s − 1; to s3 and resolved after 400 s; still young.
    script('medium', (slot) => slot.runTo(30 * SECOND).resolve()),
    script('medium', (slot) => slot.runTo(30 * SECOND).resolve()),
    script('medium', (slot) => slot.runTo(30 * SECOND).resolve()),
    script('medium', (slot) => slot.runTo(50 * SECOND).clear('n1')),
    script('medium', (slot) => slot.runTo(400 * SECOND).resolve()),
    script('medium', (slot) => slot),
    // Low: expired.
    script('low', (slot) => slot.raise('low').raise('low').runTo(HOUR)),
    // Pleasure.
    ...Array.from({ length: 3 }, () => new Slot().raise('medium', { type: 'pleasure' }).runTo(HOUR).archive[0]!),
  ];
}

test('figures of twenty alerts are those that a hand computes (S3-63)', (t) => {
  const alerts = twenty();
  t.is(alerts.length, 20);
  const stats = statistics(alerts, WINDOW);
  t.like(stats, { ...WINDOW, total: 20, raises: 22, open: 5, acked: 6, resolved: 12, escalated: 4, falseAlarms: 2 });
  t.deepEqual(stats.byType, { pain: 17, pleasure: 3 });
  t.deepEqual(stats.bySeverity, { critical: 4, high: 6, medium: 9, low: 1 });
  // 10 + 20 + 40 + 50 + 60 + 120
  t.is(stats.meanAckMs, (300 * SECOND) / 6);
  // 100 + 200 + 40 + 600 + 100 + 100 + 30 + 30 + 30 + 50 + 400
  t.is(stats.meanResolveMs, (1_680 * SECOND) / 11);
  t.is(stats.escalationRate, 4 / 17);
  t.is(stats.falsePositiveRate, 2 / 17);
  t.is(stats.hollowRate, 2 / 6);
  t.deepEqual(stats.hollow, [alerts[3], alerts[9]]);
  t.is(stats.attenuated.duplicate, 2);
});

test('of nothing the figures are nothing', (t) => {
  const stats = statistics([], WINDOW);
  t.like(stats, { total: 0, meanAckMs: undefined, meanResolveMs: undefined, escalationRate: 0, falsePositiveRate: 0 });
  t.is(stats.hollowRate, 0);
});

test('what was raised in the window counts, if only for a further time', (t) => {
  const { record } = new Slot().raise('high').runTo(HOUR).raise('high');
  const within = (fromMs: number, toMs: number): number =>
    statistics([record!], { from: START + fromMs, to: START + toMs }).total;
  t.is(within(0, MINUTE), 1);
  t.is(within(HOUR, 2 * HOUR), 1);
  t.is(within(HOUR + 1, 2 * HOUR), 0);
  t.is(within(-HOUR, -1), 0);
});

test('what was held back, came back and was heard by nobody is counted', (t) => {
  const slot = new Slot().raise('high', {}, { kind: 'held', by: 'limit', until: START + MINUTE });
  slot.raise('high', { count: 4 }).clear('n1').raise('high');
  const stats = statistics([unrouted(slot.record!)], WINDOW);
  t.like(stats, { unrouted: 1, flaps: 1, raises: 6 });
  t.like(stats.attenuated, { limit: 1, duplicate: 4, flap: 0, silence: 0 });
});

test('an ack that was reset still was one', (t) => {
  const { record } = new Slot()
    .raise('medium')
    .runTo(10 * SECOND)
    .ack()
    .runTo(20 * SECOND)
    .raise('critical');
  t.is(record?.ackedAt, undefined);
  t.is(statistics([record!], WINDOW).meanAckMs, 10 * SECOND);
});
