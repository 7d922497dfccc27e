/** What becomes of an alert whose notice may not go out just now. */
import test from 'ava';
import type { HeldBy } from '../../src/alerts/alert.ts';
import type { Admission } from '../../src/alerts/judgement.ts';
import { fire, fireWantsAdmission, release } from '../../src/alerts/transitions.ts';
import { begun, HOUR, kept, MINUTE, momentAt, NOTIFY, SECOND, Slot, START, toldBy } from './judging.ts';

function heldBy(by: HeldBy, afterMs: number, root?: string): Admission {
  return { kind: 'held', by, until: START + afterMs, ...(root === undefined ? {} : { root }) };
}

test('it is open and to be seen, nobody is told, and it is asked about again', (t) => {
  const held = begun('high', {}, heldBy('limit', MINUTE));
  t.like(held, { state: 'open', held: { by: 'limit', until: START + MINUTE }, timer: 'hold', dueAt: START + MINUTE });
  t.like(held, { noticed: 0, notices: [], reached: {}, attenuated: { limit: 1 } });
  t.deepEqual(
    held.history.map(({ event, note }) => [event, note]),
    [
      ['raised', undefined],
      ['held', 'limit'],
    ],
  );
  t.is(fireWantsAdmission(held, momentAt(MINUTE)), 'known');
});

test('when nothing holds it any more, those are told who would have been', (t) => {
  const change = fire(begun('high', {}, heldBy('limit', MINUTE)), momentAt(MINUTE), NOTIFY);
  t.is(change?.event, 'released');
  t.like(kept(change), { held: undefined, level: 's3', timer: 'ack', dueAt: START + 6 * MINUTE });
  t.deepEqual(toldBy(kept(change)), ['60 s released → s1 s3']);
});

test('what is held again by the same is not counted again', (t) => {
  const held = begun('high', {}, heldBy('limit', MINUTE));
  const again = fire(held, momentAt(MINUTE), heldBy('limit', 2 * MINUTE));
  t.is(again?.event, 'held');
  t.like(kept(again), { attenuated: { limit: 1 }, dueAt: START + 2 * MINUTE, noticed: 0 });
  t.is(kept(again).history.length, held.history.length);
  const other = kept(fire(kept(again), momentAt(2 * MINUTE), heldBy('silence', HOUR)));
  t.deepEqual(other.attenuated, { limit: 1, silence: 1 });
});

test('a hold that would end at once ends a little later', (t) => {
  t.is(begun('high', {}, heldBy('limit', -MINUTE)).dueAt, START + 1);
});

test('what follows from another names it as its cause', (t) => {
  t.like(begun('high', {}, heldBy('inhibition', MINUTE, 'root')), { causedBy: 'root', held: { by: 'inhibition' } });
});

test('it may be let go before its time', (t) => {
  const held = begun('medium', {}, heldBy('inhibition', MINUTE, 'root'));
  const change = release(held, momentAt(10 * SECOND), NOTIFY);
  t.deepEqual(toldBy(kept(change)), ['10 s released → s1']);
  t.like(kept(change), { timer: 'autonomy', dueAt: START + 70 * SECOND });
  t.is(release(kept(change), momentAt(11 * SECOND), NOTIFY), undefined, 'nothing holds it');
});

test('an escalation can be held back too, and comes when nothing holds it any more', (t) => {
  const slot = new Slot().raise('high').runTo(5 * MINUTE, heldBy('silence', HOUR));
  t.like(slot.record, { state: 'open', level: 's3', timer: 'hold', attenuated: { silence: 1 } });
  slot.runTo(HOUR);
  t.deepEqual(slot.told, ['0 s raised → s1 s3', '3600 s released → s4']);
  t.is(slot.record?.dueAt, START + HOUR + 5 * MINUTE);
});

test('what is held clears, is acked, resolved and archived like any other', (t) => {
  const hold = heldBy('storm', MINUTE);
  t.like(new Slot().raise('high', {}, hold).clear('n1').record, {
    state: 'resolved',
    held: undefined,
    timer: 'expire',
  });
  t.like(new Slot().raise('high', {}, hold).ack().record, { state: 'acked', held: undefined, timer: 'resolve' });
  const slot = new Slot().raise('high', {}, hold).resolve().runTo(HOUR);
  t.deepEqual([slot.told, slot.archive.length], [[], 1]);
});

test('what is held and hurts more is asked about anew', (t) => {
  const slot = new Slot().raise('medium', {}, heldBy('silence', HOUR)).raise('critical');
  t.like(slot.record, { held: undefined, level: 's5', timer: 'ack' });
  t.deepEqual(slot.told, ['0 s worse → s5 s3 s1']);
  const still = new Slot().raise('medium', {}, heldBy('limit', MINUTE)).raise('high', {}, heldBy('limit', MINUTE));
  t.like(still.record, { severity: 'high', held: { by: 'limit' }, attenuated: { limit: 2, duplicate: undefined } });
});

test('what was never told does not count as known when it comes back', (t) => {
  const slot = new Slot();
  for (let round = 0; round < 3; round += 1) slot.raise('high', {}, heldBy('limit', MINUTE)).clear('n1');
  slot.raise('high');
  t.deepEqual(slot.told, ['0 s reopened → s1 s3']);
});

test('what is critical is never held back, but by a silence with force (S3-53)', (t) => {
  for (const by of ['inhibition', 'limit', 'storm'] as const) {
    for (const more of [{ severity: 'critical' }, { severity: 'low', bypass: true }] as const) {
      const record = begun(more.severity, more, heldBy(by, HOUR));
      t.like(record, { held: undefined, level: 's5', noticed: 1, attenuated: {} });
    }
  }
  const silenced = new Slot().raise('critical', {}, heldBy('silence', HOUR));
  t.like(silenced.record, { held: { by: 'silence' }, noticed: 0 });
  silenced.clear('n1');
  t.is(silenced.record?.state, 'cleared-unacked');
  t.deepEqual(silenced.runTo(HOUR).told, ['3600 s released → s5 s3 s1']);
});

test('of what is told to nobody too much is counted, and it waits for nothing', (t) => {
  const low = begun('low', {}, heldBy('limit', MINUTE));
  t.like(low, { held: undefined, timer: 'expire', dueAt: START + 5 * MINUTE, attenuated: { limit: 1 } });
});

test('of pleasure too much is counted, and not told later', (t) => {
  const slot = new Slot().raise('high', { type: 'pleasure' }, heldBy('limit', MINUTE)).runTo(HOUR);
  t.deepEqual(slot.told, []);
  t.like(slot.archive[0], { attenuated: { limit: 1 } });
});
