/** The default policy, by the clock. */
import test from 'ava';
import { DEFAULT_ALERT_POLICY } from '../../src/alerts/policy.ts';
import { fire } from '../../src/alerts/transitions.ts';
import { begun, HOUR, kept, MINUTE, momentAt, NOTIFY, SECOND, Slot, START, toldBy } from './judging.ts';

test('critical: s5 at once, and again every 30 s until somebody acks, and again when it is not over in 5 min (S3-55)', (t) => {
  const slot = new Slot()
    .raise('critical')
    .runTo(95 * SECOND)
    .ack()
    .runTo(95 * SECOND + 5 * MINUTE - 1);
  t.deepEqual(slot.told, ['0 s raised → s5 s3 s1', '30 s repeated → s5', '60 s repeated → s5', '90 s repeated → s5']);
  slot.runTo(95 * SECOND + 5 * MINUTE + 30 * SECOND);
  t.deepEqual(slot.told.slice(4), ['395 s hollow → s5', '425 s repeated → s5']);
});

test('critical: its repeats have no end', (t) => {
  const slot = new Slot().raise('critical').runTo(24 * HOUR);
  t.is(slot.told.length, 1 + (24 * HOUR) / (30 * SECOND));
  t.is(slot.record?.notices.length, 16);
  t.is(slot.record?.noticed, slot.told.length);
});

test('high: s3 at 0, s4 at 5 min, s5 at 10 min, then nine repeats', (t) => {
  const slot = new Slot().raise('high').runTo(24 * HOUR);
  t.deepEqual(slot.told, [
    '0 s raised → s1 s3',
    '300 s escalated → s4',
    '600 s escalated → s5',
    ...Array.from({ length: 9 }, (_, n) => `${900 + n * 300} s repeated → s5`),
  ]);
  t.like(slot.record, { state: 'open', level: 's5', repeats: 9, timer: undefined, dueAt: undefined });
});

test('medium: its unit has a minute; then s3, and a level each 30 min, and no repeats', (t) => {
  const slot = new Slot().raise('medium').runTo(24 * HOUR);
  t.deepEqual(slot.told, ['0 s raised → s1', '60 s escalated → s3', '1860 s escalated → s4', '3660 s escalated → s5']);
  t.like(slot.record, { state: 'open', level: 's5', timer: undefined });
});

test('medium: what its unit puts right within a minute goes no further', (t) => {
  const slot = new Slot()
    .raise('medium')
    .runTo(59 * SECOND)
    .resolve({}, 'store')
    .runTo(HOUR);
  t.deepEqual(slot.told, ['0 s raised → s1']);
  t.is(slot.archive.length, 1);
});

test('medium: four hours to put it right once it is acked', (t) => {
  const slot = new Slot()
    .raise('medium')
    .ack()
    .runTo(4 * HOUR - 1);
  t.is(slot.record?.state, 'acked');
  t.is(slot.runTo(4 * HOUR).told.at(-1), '14400 s hollow → s3');
});

test('low: nobody is told; it is archived 5 min after it was raised last', (t) => {
  const slot = new Slot()
    .raise('low')
    .runTo(4 * MINUTE)
    .raise('low');
  t.like(slot.record, { state: 'open', count: 2 });
  slot.ack().runTo(8 * MINUTE);
  t.is(slot.record?.state, 'acked');
  slot.runTo(9 * MINUTE);
  t.is(slot.record, undefined);
  t.deepEqual(slot.told, []);
  t.like(slot.archive[0], { resolution: 'expired', state: 'resolved', count: 2, resolvedAt: START + 9 * MINUTE });
});

test('an emergency is told like what is critical, whatever its severity (S3-53)', (t) => {
  const slot = new Slot().raise('low', { bypass: true }).runTo(MINUTE);
  t.deepEqual(slot.told, ['0 s raised → s5 s3 s1', '30 s repeated → s5', '60 s repeated → s5']);
  t.is(slot.record?.severity, 'low');
});

test('pleasure: told once to all levels, has no clock but that of the archive, and is never open', (t) => {
  const slot = new Slot().raise('medium', { type: 'pleasure' });
  t.like(slot.record, { state: 'resolved', level: 's5', timer: 'expire', dueAt: START + 5 * MINUTE, active: [] });
  t.deepEqual(slot.record?.reached, { s1: 1, s3: 1, s4: 1, s5: 1 });
  slot.runTo(MINUTE).raise('medium', { type: 'pleasure', reporter: 'n2' });
  t.like(slot.record, { count: 2, reporters: ['n1', 'n2'], noticed: 1, flaps: 0, attenuated: { duplicate: 1 } });
  slot.runTo(5 * MINUTE);
  t.is(slot.record, undefined);
  t.deepEqual(
    slot.archive.map(({ count, state }) => [count, state]),
    [[2, 'resolved']],
  );
});

test('pleasure leaves pain alone, even where both have the same fingerprint', (t) => {
  const slot = new Slot().raise('high');
  const pain = slot.record;
  slot.raise('high', { type: 'pleasure' });
  t.is(slot.record, pain);
});

test('pain takes the place of pleasure', (t) => {
  const slot = new Slot().raise('high', { type: 'pleasure' }).raise('high');
  t.like(slot.record, { type: 'pain', state: 'open', count: 1 });
  t.is(slot.archive.length, 1);
});

test('each severity begins at its level (S3-54)', (t) => {
  const levels = (['critical', 'high', 'medium', 'low'] as const).map((severity) => begun(severity).level);
  t.deepEqual(levels, ['s5', 's3', 's1', 's1']);
});

test('repeats do not drift when the clock is looked at a little late; after a long outage it begins anew', (t) => {
  const late = kept(fire(begun('critical'), momentAt(31 * SECOND), NOTIFY));
  t.is(late.dueAt, START + 60 * SECOND);
  const veryLate = kept(fire(begun('high'), momentAt(HOUR), NOTIFY));
  t.is(veryLate.dueAt, START + HOUR + 5 * MINUTE);
  t.deepEqual(toldBy(veryLate), ['0 s raised → s1 s3', '3600 s escalated → s4'], 'one level, not all at once');
});

test('a policy with other levels and times is followed as it stands', (t) => {
  const { severities } = DEFAULT_ALERT_POLICY;
  const low = { ...severities.low, first: ['s3'] as const, ackByMs: MINUTE, ttlMs: 10 * MINUTE };
  const slot = new Slot({ ...DEFAULT_ALERT_POLICY, severities: { ...severities, low } }).raise('low').runTo(HOUR);
  t.deepEqual(slot.told, ['0 s raised → s3', '60 s escalated → s4', '120 s escalated → s5']);
  t.is(slot.archive[0]?.resolution, 'expired');
});
