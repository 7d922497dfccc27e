/**
 * Random histories of three nodes on one mailbox, against a model that knows of each envelope whether it lives, is done
 * or is dead, and who holds it. Nothing is lost, nothing is settled twice, nothing is in two hands.
 */
import test from 'ava';
import fc from 'fast-check';
import { History } from './model/history.ts';

const RUNS = 300;

/** One step of a history; `pick` chooses among what is there, `bits` among the envelopes of what was chosen. */
const nat: fc.Arbitrary<number> = fc.nat({ max: 1_000 });
const step = fc.record({
  node: fc.nat({ max: 2 }),
  pick: nat,
  bits: fc.nat({ max: 0xff_ff }),
  amount: fc.integer({ min: 1, max: 6 }),
});
const kind = fc.oneof(
  { weight: 6, arbitrary: fc.constant('append' as const) },
  { weight: 5, arbitrary: fc.constant('room' as const) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      'done' as const,
      'progress' as const,
      'mark' as const,
      'retry' as const,
      'bury' as const,
      'park' as const,
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom('repeat' as const, 'steal' as const, 'replay' as const, 'drop' as const) },
  { weight: 2, arbitrary: fc.constant('time' as const) },
  { weight: 1, arbitrary: fc.constantFrom('crash' as const, 'leave' as const, 'close' as const) },
);

test('in random histories nothing is lost, settled twice or in two hands', async (t) => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  t.log(`seed ${seed}; repeat with SEED=${seed}`);
  t.timeout(100_000);
  const totals = { accepted: 0, done: 0, dead: 0, crashes: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(kind, step), { minLength: 1, maxLength: 100, size: 'max' }), async (steps) => {
      const history = await History.open();
      for (const [what, choice] of steps) await history.play(what, choice);
      await history.drain();
      totals.accepted += history.model.accepted;
      totals.done += history.model.count('done');
      totals.dead += history.model.count('dead') + history.model.count('dropped');
      totals.crashes += history.crashes;
      await history.close();
    }),
    { seed, numRuns: RUNS },
  );
  t.log(totals);
  t.is(totals.accepted, totals.done + totals.dead);
  t.true(totals.crashes > 0);
});
