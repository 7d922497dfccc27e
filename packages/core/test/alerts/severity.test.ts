import test from 'ava';
import type { Severity } from '../../src/alerts/alert.ts';
import { highestOf, isLast, levelAbove } from '../../src/alerts/levels.ts';
import { ANOMALOUS, isWorse, parseSeverity, priority, rank, worstOf } from '../../src/alerts/severity.ts';

const NOW = 1_000_000;

function priorityOf(severity: Severity, more: { type?: 'pleasure'; tags?: string[]; ageMs?: number } = {}): number {
  const { type = 'pain', tags, ageMs = 0 } = more;
  return priority({ type, severity, tags, firstAt: NOW - ageMs }, NOW);
}

test('priority: 100, 75, 50, 25; 10 for pain, 5 for what is far from usual, 5 less after a minute (S3-59)', (t) => {
  t.is(priorityOf('critical'), 110);
  t.is(priorityOf('high'), 85);
  t.is(priorityOf('medium'), 60);
  t.is(priorityOf('low'), 35);
  t.is(priorityOf('medium', { type: 'pleasure' }), 50);
  t.is(priorityOf('medium', { tags: [ANOMALOUS] }), 65);
  t.is(priorityOf('medium', { ageMs: 60_000 }), 60);
  t.is(priorityOf('medium', { ageMs: 60_001 }), 55);
  t.is(priorityOf('low', { type: 'pleasure', ageMs: 100_000 }), 20);
});

test('what is critical goes first, then high, medium, low, whatever else holds (S3-59)', (t) => {
  const queued = (['low', 'medium', 'high', 'critical'] as const).map((severity) => ({
    severity,
    priority: priorityOf(severity, severity === 'low' ? { tags: [ANOMALOUS] } : { ageMs: 100_000 }),
  }));
  const handed = queued.toSorted((a, b) => b.priority - a.priority).map(({ severity }) => severity);
  t.deepEqual(handed, ['critical', 'high', 'medium', 'low']);
});

test('severities have an order', (t) => {
  t.deepEqual((['low', 'medium', 'high', 'critical'] as const).map(rank), [0, 1, 2, 3]);
  t.true(isWorse('critical', 'high'));
  t.false(isWorse('high', 'high'));
  t.is(worstOf(['low', 'high', 'medium']), 'high');
  t.is(parseSeverity('warning'), 'medium');
  t.is(parseSeverity('constructor'), undefined);
});

test('the path goes from the unit to s5, past s2', (t) => {
  t.deepEqual((['s1', 's3', 's4', 's5'] as const).map(levelAbove), ['s3', 's4', 's5', 's5']);
  t.is(highestOf(['s3', 's1']), 's3');
  t.is(highestOf([]), 's1');
  t.true(isLast('s5'));
});
