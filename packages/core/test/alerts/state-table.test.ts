/** One test for each row of the state table. */
import test from 'ava';
import { alreadyTold, clear, fire, fireWantsAdmission, raise, wantsAdmission } from '../../src/alerts/transitions.ts';
import { begun, HOUR, kept, MINUTE, momentAt, NOTIFY, raisedOf, SECOND, Slot, START, toldBy } from './judging.ts';

test('nothing + raise: open, at the level of its severity, and the clock runs', (t) => {
  const expected = {
    critical: ['s5', 'ack', 30 * SECOND, ['0 s raised → s5 s3 s1']],
    high: ['s3', 'ack', 5 * MINUTE, ['0 s raised → s1 s3']],
    medium: ['s1', 'autonomy', MINUTE, ['0 s raised → s1']],
    low: ['s1', 'expire', 5 * MINUTE, []],
  } as const;
  for (const severity of ['critical', 'high', 'medium', 'low'] as const) {
    const change = raise(undefined, raisedOf(severity), NOTIFY, momentAt(0), 'a1');
    const record = kept(change);
    const [level, timer, afterMs, told] = expected[severity];
    t.is(change.event, 'raised');
    t.like(record, { id: 'a1', state: 'open', level, timer, dueAt: START + afterMs, count: 1, flaps: 0 });
    t.deepEqual(toldBy(record), told);
    t.deepEqual([record.reporters, record.active], [['n1'], ['n1']]);
    t.deepEqual(record.history, [{ at: START, event: 'raised', by: 'n1' }]);
  }
});

test('open + repeat: open, counted, nobody is told again and the clock goes on', (t) => {
  const open = begun('high');
  const again = raisedOf('high', { at: START + MINUTE, reporter: 'n2', count: 3, message: 'still no room' });
  t.is(wantsAdmission(open, again, momentAt(MINUTE)), undefined);
  const change = raise(open, again, NOTIFY, momentAt(MINUTE, 'n2'), 'a2');
  const record = kept(change);
  t.is(change.event, 'repeated');
  t.like(record, { id: 'a1', state: 'open', count: 4, message: 'still no room', dueAt: open.dueAt ?? 0, timer: 'ack' });
  t.deepEqual([record.firstAt, record.lastAt], [START, START + MINUTE]);
  t.deepEqual(
    [record.reporters, record.active],
    [
      ['n1', 'n2'],
      ['n1', 'n2'],
    ],
  );
  t.deepEqual(record.notices, open.notices);
  t.deepEqual(record.attenuated, { duplicate: 3 });
  t.is(record.history.length, 1, 'a repeat is counted, not noted');
});

test('a raise that is told late counts from when it hurt, and its words are not the last', (t) => {
  const open = begun('high', { at: START + MINUTE });
  const late = raisedOf('high', { at: START, message: 'old words' });
  const record = kept(raise(open, late, NOTIFY, momentAt(2 * MINUTE), 'a2'));
  t.like(record, { firstAt: START, lastAt: START + MINUTE, message: 'no room left' });
});

test('a raise that is told twice is counted once', (t) => {
  const raised = raisedOf('critical');
  const open = begun('critical', { token: raised.token });
  t.true(alreadyTold(open, raised.token));
  t.is(wantsAdmission(open, raised, momentAt(SECOND)), undefined);
  const change = raise(open, raised, NOTIFY, momentAt(SECOND), 'a2');
  t.is(change.record, open, 'the very same record');
  t.is(change.event, 'repeated');
});

test('open + ackBy passes: open, the next level; at the last one it repeats', (t) => {
  const open = begun('high');
  t.is(fire(open, momentAt(5 * MINUTE - 1), NOTIFY), undefined, 'not yet');
  t.is(fireWantsAdmission(open, momentAt(5 * MINUTE - 1)), undefined);
  t.is(fireWantsAdmission(open, momentAt(5 * MINUTE)), 'told');
  const next = fire(open, momentAt(5 * MINUTE, 'n9'), NOTIFY);
  t.is(next?.event, 'escalated');
  t.like(kept(next), { state: 'open', level: 's4', timer: 'ack', dueAt: START + 10 * MINUTE });
  t.like(kept(next).history.at(-1), { event: 'escalated', by: 'n9' });
  const last = kept(fire(kept(next), momentAt(10 * MINUTE), NOTIFY));
  t.like(last, { level: 's5', repeats: 0, dueAt: START + 15 * MINUTE });
  const repeat = fire(last, momentAt(15 * MINUTE), NOTIFY);
  t.is(repeat?.event, 'renotified');
  t.like(kept(repeat), { level: 's5', repeats: 1, dueAt: START + 20 * MINUTE });
  t.deepEqual(toldBy(kept(repeat)), [
    '0 s raised → s1 s3',
    '300 s escalated → s4',
    '600 s escalated → s5',
    '900 s repeated → s5',
  ]);
});

test('open + ack: acked, ackBy is off, and a clock runs for the end of it', (t) => {
  const types = ['received', 'investigating', 'responding'] as const;
  for (const type of types) {
    const { record } = new Slot()
      .raise('critical')
      .runTo(10 * SECOND)
      .ack({ type, note: 'on it' });
    t.like(record, { state: 'acked', ackedBy: 'ada', ackType: type, ackNote: 'on it', timer: 'resolve' });
    t.is(record?.ackedAt, START + 10 * SECOND);
    t.is(record?.dueAt, START + 10 * SECOND + 5 * MINUTE);
    t.like(record?.history.at(-1), { event: 'acked', by: 'ada', note: `${type}: on it` });
  }
});

test('open + ack with an estimate: the clock runs until then; one that has passed is none', (t) => {
  const eta = START + 2 * HOUR;
  t.like(new Slot().raise('high').ack({ eta }).record, { eta, timer: 'resolve', dueAt: eta });
  const late = new Slot().raise('high').runTo(MINUTE).ack({ eta: START }).record;
  t.like(late, { eta: undefined, timer: 'resolve', dueAt: START + 31 * MINUTE });
});

test('acked + another ack: the clock begins anew', (t) => {
  const slot = new Slot()
    .raise('high')
    .ack()
    .runTo(20 * MINUTE)
    .ack({ type: 'responding' }, 'bob');
  t.like(slot.record, { state: 'acked', ackedBy: 'bob', ackType: 'responding', dueAt: START + 50 * MINUTE });
});

test('acked + resolveBy passes: open, the next level, and the ack was hollow', (t) => {
  const slot = new Slot()
    .raise('high')
    .ack({}, 'bob')
    .runTo(30 * MINUTE);
  t.like(slot.record, { state: 'open', level: 's4', hollow: true, ackedBy: 'bob', timer: 'ack' });
  t.is(slot.record?.dueAt, START + 35 * MINUTE);
  t.deepEqual(slot.told, ['0 s raised → s1 s3', '1800 s hollow → s4']);
  t.like(slot.record?.history.at(-1), { event: 'escalated', note: 'bob acked it, and nothing came of it' });
});

test('acked at the last level + resolveBy passes: told there again, and its repeats begin anew', (t) => {
  const slot = new Slot().raise('high').runTo(2 * HOUR);
  t.like(slot.record, { level: 's5', repeats: 9, timer: undefined, dueAt: undefined });
  slot.ack().runTo(2 * HOUR + 30 * MINUTE);
  t.like(slot.record, { state: 'open', level: 's5', hollow: true, repeats: 0, timer: 'ack' });
  t.is(slot.told.at(-1), '9000 s hollow → s5');
  slot.runTo(5 * HOUR);
  t.is(slot.told.filter((told) => told.includes('repeated')).length, 18);
});

test('acked + severity raised: open, the ack is reset, and the first levels of the new severity are told', (t) => {
  const slot = new Slot()
    .raise('medium')
    .runTo(10 * SECOND)
    .ack({ note: 'mine', eta: START + HOUR });
  slot.runTo(20 * SECOND).raise('critical');
  t.like(slot.record, { state: 'open', severity: 'critical', level: 's5', bypass: true, count: 2, timer: 'ack' });
  t.like(slot.record, {
    ackedBy: undefined,
    ackedAt: undefined,
    ackType: undefined,
    ackNote: undefined,
    eta: undefined,
  });
  t.is(slot.record?.dueAt, START + 50 * SECOND);
  t.deepEqual(slot.told, ['0 s raised → s1', '20 s worse → s5 s3 s1']);
  t.like(slot.record?.history.at(-1), { event: 'worse', note: 'medium → critical, passes everything' });
});

test('open + severity raised: told at once, and a level that knows of it hears that it is worse', (t) => {
  const slot = new Slot().raise('medium').runTo(31 * MINUTE);
  t.is(slot.record?.level, 's4');
  slot.raise('high');
  t.like(slot.record, { severity: 'high', level: 's4', timer: 'ack', dueAt: START + 36 * MINUTE });
  t.is(slot.told.at(-1), '1860 s worse → s1 s3 s4');
});

test('a repeat never makes it less severe', (t) => {
  const slot = new Slot().raise('high').raise('low').raise('medium');
  t.like(slot.record, { severity: 'high', count: 3, state: 'open' });
});

test('an emergency among the repeats goes straight to s5, whatever its severity', (t) => {
  const slot = new Slot().raise('medium').raise('medium', { bypass: true });
  t.like(slot.record, { severity: 'medium', bypass: true, level: 's5', timer: 'ack', dueAt: START + 30 * SECOND });
  t.is(slot.told.at(-1), '0 s worse → s5 s3 s1');
});

test('acked + raised again after it cleared: open, and the ack is reset', (t) => {
  const slot = new Slot().raise('high').ack().runTo(MINUTE).clear('n1');
  t.like(slot.record, { state: 'resolved', resolution: 'cleared' });
  slot.runTo(2 * MINUTE).raise('high');
  t.like(slot.record, { state: 'open', flaps: 1, ackedBy: undefined, resolvedBy: undefined, resolution: undefined });
  t.is(slot.told.at(-1), '120 s reopened → s1 s3');
});

test('open + the condition clears: resolved', (t) => {
  for (const severity of ['high', 'medium', 'low'] as const) {
    const open = begun(severity);
    const change = clear(open, ['n1'], momentAt(MINUTE));
    t.is(change?.event, 'resolved');
    t.like(kept(change), { state: 'resolved', resolution: 'cleared', resolvedBy: 'n1', timer: 'expire' });
    t.is(kept(change).dueAt, START + 6 * MINUTE);
  }
});

test('a condition that several nodes see is over when the last of them says so', (t) => {
  const slot = new Slot().raise('high').raise('high', { reporter: 'n2' }).raise('high', { reporter: 'n3' });
  slot.clear('n1');
  t.like(slot.record, { state: 'open', active: ['n2', 'n3'], reporters: ['n1', 'n2', 'n3'] });
  t.is(clear(slot.record!, ['n1'], momentAt(0)), undefined, 'it said so before');
  slot.clear('n3', 'n2');
  t.like(slot.record, { state: 'resolved', active: [] });
});

test('open critical + the condition clears: it stays until somebody has seen it, and keeps notifying', (t) => {
  const slot = new Slot()
    .raise('critical')
    .runTo(10 * SECOND)
    .clear('n1');
  t.like(slot.record, { state: 'cleared-unacked', timer: 'ack', dueAt: START + 30 * SECOND });
  slot.runTo(65 * SECOND);
  t.deepEqual(slot.told, ['0 s raised → s5 s3 s1', '30 s repeated → s5', '60 s repeated → s5']);
  t.is(slot.record?.state, 'cleared-unacked');
  slot.ack();
  t.like(slot.record, { state: 'resolved', resolution: 'cleared', ackedBy: 'ada', resolvedBy: 'ada', timer: 'expire' });
});

test('cleared-unacked + raised again: open, and the clock goes on', (t) => {
  const slot = new Slot()
    .raise('critical')
    .clear('n1')
    .runTo(10 * SECOND)
    .raise('critical');
  t.like(slot.record, { state: 'open', count: 2, active: ['n1'], dueAt: START + 30 * SECOND });
  t.is(slot.told.length, 1);
});

test('acked critical + the condition clears: resolved, for somebody has seen it', (t) => {
  t.like(new Slot().raise('critical').ack().clear('n1').record, { state: 'resolved', resolution: 'cleared' });
});

test('any + resolve: resolved, kept for a while, then archived', (t) => {
  const ways = {
    open: (slot: Slot) => slot,
    acked: (slot: Slot) => slot.ack(),
    'cleared-unacked': (slot: Slot) => slot.clear('n1'),
  };
  for (const [state, reach] of Object.entries(ways)) {
    const slot = reach(new Slot().raise('critical'));
    t.is(slot.record?.state as string, state);
    slot.runTo(10 * SECOND).resolve({ note: 'new disk' });
    t.like(slot.record, { state: 'resolved', resolution: 'resolved', resolvedBy: 'ada', timer: 'expire' });
    t.like(slot.record?.history.at(-1), { event: 'resolved', note: 'new disk' });
    slot.runTo(10 * SECOND + 5 * MINUTE - 1);
    t.truthy(slot.record);
    slot.runTo(10 * SECOND + 5 * MINUTE);
    t.is(slot.record, undefined);
    t.like(slot.archive[0], { id: 'a1', state: 'resolved', timer: undefined, dueAt: undefined });
    t.is(slot.archive[0]?.history.at(-1)?.event, 'archived');
  }
});

test('any + false_alarm: resolved as such (S3-55)', (t) => {
  const slot = new Slot().raise('critical').runTo(SECOND).resolve({ falseAlarm: true, note: 'a test' });
  t.like(slot.record, { state: 'resolved', resolution: 'false_alarm', resolvedAt: START + SECOND });
  t.is(slot.record?.history.at(-1)?.note, 'false_alarm: a test');
});

test('resolved + ack, resolve, clear, escalate: nothing', (t) => {
  const slot = new Slot().raise('high').resolve();
  const before = slot.record;
  slot.ack().resolve().clear('n1').escalate('why not');
  t.is(slot.record, before);
});

test('resolved + raise soon: the same alert, open; after three returns it is held open for a while', (t) => {
  const slot = new Slot();
  for (let round = 0; round < 4; round += 1) {
    slot
      .runTo(round * 15 * SECOND)
      .raise('high')
      .runTo(round * 15 * SECOND + 5 * SECOND);
    if (round % 2 === 0) slot.clear('n1');
    else slot.resolve();
  }
  t.like(slot.record, { id: 'a1', flaps: 3, state: 'open', count: 4, timer: 'flap' });
  t.deepEqual(slot.record?.endAfterHold, { by: 'ada', resolution: 'resolved' });
  t.deepEqual(slot.told, ['0 s raised → s1 s3', '15 s reopened → s1 s3']);
  t.is(slot.record?.attenuated.flap, 2);
  slot.runTo(45 * SECOND + 5 * MINUTE - 1);
  t.is(slot.record?.state, 'open');
  slot.runTo(45 * SECOND + 5 * MINUTE);
  t.like(slot.record, { state: 'resolved', resolvedBy: 'ada', resolution: 'resolved', timer: 'expire' });
  slot.raise('high');
  t.like(slot.record, { flaps: 4, state: 'open', timer: 'ack', endAfterHold: undefined });
});

test('what comes back begins again where its severity begins, and tells those only', (t) => {
  const slot = new Slot().raise('medium').runTo(2 * HOUR);
  t.is(slot.record?.level, 's5');
  slot.resolve().raise('medium');
  t.like(slot.record, { level: 's1', timer: 'autonomy', reached: { s1: 5 } });
  t.deepEqual(Object.keys(slot.record?.reached ?? {}), ['s1']);
});

test('what flaps is held open from its last raise on, and its levels are told when their time comes', (t) => {
  const slot = new Slot();
  for (let after = 0; after < 20 * MINUTE; after += 10 * SECOND) {
    slot
      .runTo(after)
      .raise('high')
      .runTo(after + SECOND)
      .clear('n1');
  }
  t.is(slot.archive.length, 0);
  t.like(slot.record, { id: 'a1', state: 'open', level: 's5', count: 120, flaps: 119 });
  t.deepEqual(slot.told.slice(0, 4), [
    '0 s raised → s1 s3',
    '10 s reopened → s1 s3',
    '310 s escalated → s4',
    '610 s escalated → s5',
  ]);
});

test('who acked what flaps has acked its returns too', (t) => {
  const slot = new Slot();
  for (let round = 0; round < 4; round += 1) slot.raise('high').clear('n1');
  slot.ack({ eta: START + HOUR });
  for (let after = SECOND; after < MINUTE; after += SECOND) slot.runTo(after).raise('high').clear('n1');
  t.like(slot.record, { state: 'acked', ackedBy: 'ada', timer: 'flap' });
  t.is(slot.told.length, 2);
  slot.raise('high').runTo(2 * HOUR);
  t.true(slot.record?.hollow);
});

test('a critical one that comes back is told each time, and is not held open', (t) => {
  const slot = new Slot();
  for (let round = 0; round < 5; round += 1)
    slot
      .runTo(round * SECOND)
      .raise('critical')
      .ack()
      .clear('n1');
  t.like(slot.record, { flaps: 4, state: 'resolved' });
  t.is(slot.told.length, 5);
});

test('a false alarm ends what is held open, too', (t) => {
  const slot = new Slot();
  for (let round = 0; round < 4; round += 1) slot.raise('high').clear('n1');
  t.is(slot.record?.state, 'open');
  slot.resolve({ falseAlarm: true });
  t.like(slot.record, { state: 'resolved', resolution: 'false_alarm' });
});

test('resolved long ago + raise: the old alert is archived, and a new one begins', (t) => {
  const slot = new Slot().raise('high').resolve();
  const old = slot.record!;
  const raised = raisedOf('medium', { at: START + 5 * MINUTE });
  t.is(wantsAdmission(old, raised, momentAt(5 * MINUTE)), 'new');
  t.is(wantsAdmission(old, raised, momentAt(5 * MINUTE - 1)), 'known');
  const change = raise(old, raised, NOTIFY, momentAt(5 * MINUTE), 'a2');
  t.is(change.event, 'raised');
  t.like(kept(change), { id: 'a2', severity: 'medium', count: 1, flaps: 0, firstAt: START + 5 * MINUTE });
  t.like(change.archived, { id: 'a1', resolution: 'resolved', dueAt: undefined });
});

test('somebody may send it to the next level before its time', (t) => {
  const slot = new Slot().raise('high').ack().runTo(MINUTE).escalate('beyond me');
  t.like(slot.record, { state: 'open', level: 's4', ackedBy: undefined, timer: 'ack', dueAt: START + 6 * MINUTE });
  t.is(slot.told.at(-1), '60 s escalated → s4');
  t.like(slot.record?.history.at(-1), { event: 'escalated', by: 'ada', note: 'beyond me' });
});
