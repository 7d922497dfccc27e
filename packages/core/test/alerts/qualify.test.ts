import fc from 'fast-check';
import test from 'ava';
import { looked, NO_QUALIFIER, settled, turnsAt, UNSEEN, type Qualified } from '../../src/alerts/qualify.ts';

function after(looks: readonly boolean[], policy = NO_QUALIFIER, everyMs = 1_000): readonly boolean[] {
  let known: Qualified = UNSEEN;
  return looks.map((found, n) => {
    known = looked(known, found, n * everyMs, policy);
    return known.isOn;
  });
}

const [yes, no] = [true, false];

test('without delays the last look decides', (t) => {
  t.deepEqual(after([yes, no, yes, yes, no]), [yes, no, yes, yes, no]);
});

test('it must hold for the on-delay without a pause', (t) => {
  const policy = { ...NO_QUALIFIER, onDelayMs: 2_000 };
  t.deepEqual(after([yes, yes, no, yes, yes, yes, no], policy), [no, no, no, no, no, yes, no]);
});

test('it must be absent for the off-delay without a return', (t) => {
  const policy = { ...NO_QUALIFIER, offDelayMs: 2_000 };
  t.deepEqual(after([yes, no, yes, no, no, no], policy), [yes, yes, yes, yes, yes, no]);
});

test('n of the last m looks must find it', (t) => {
  const policy = { ...NO_QUALIFIER, n: 2, m: 3 };
  t.deepEqual(after([yes, no, yes, no, no, yes, yes], policy), [no, no, yes, no, no, no, yes]);
});

test('time passes without looks, too', (t) => {
  const policy = { ...NO_QUALIFIER, onDelayMs: 5_000, offDelayMs: 3_000 };
  const seen = looked(UNSEEN, true, 10_000, policy);
  t.is(turnsAt(seen, policy), 15_000);
  t.is(settled(seen, 14_999, policy), seen);
  const on = settled(seen, 15_000, policy);
  t.true(on.isOn);
  t.is(turnsAt(on, policy), undefined);
  const gone = looked(on, false, 20_000, policy);
  t.deepEqual([gone.isOn, turnsAt(gone, policy)], [true, 23_000]);
});

test('what is looked at without a change of heart never turns, and keeps no more than m looks', (t) => {
  let looks = 0;
  const asIs = fc.property(
    fc.boolean(),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 50 }),
    (found, m, times) => {
      const policy = { ...NO_QUALIFIER, m };
      let known: Qualified = { isOn: found, looks: Array.from({ length: m }, () => found) };
      for (let at = 0; at < times; at += 1) {
        known = looked(known, found, at, policy);
        if (known.isOn !== found || known.looks.length > m || known.otherwiseSince !== undefined) return false;
        looks += 1;
      }
      return true;
    },
  );
  t.notThrows(() => fc.assert(asIs));
  t.true(looks >= 500, `${looks} looks`);
});
