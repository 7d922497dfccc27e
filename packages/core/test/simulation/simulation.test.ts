/**
 * A thousand histories of real nodes on one memory backend, in virtual time, with everything going wrong that may; then a
 * few of a seed that is new with every run. `SEED=7` plays that one alone and tells all of it.
 */
import test from 'ava';
import { render } from './history.ts';
import { makePlan } from './plan.ts';
import { simulate } from './simulate.ts';
import { describe, judge, shrink, type Verdict } from './verdict.ts';
import { WORKLOADS } from './workloads/all.ts';

const SEEDS = 1_000;
const PER_TEST = 100;
/** Of the batch that is another one each time. */
const FRESH = 20;

const only = process.env['SEED'];

async function failures(seeds: Iterable<number>): Promise<Verdict | undefined> {
  for (const seed of seeds) {
    const verdict = await judge(seed);
    if (verdict.faults.length > 0) return verdict;
  }
  return undefined;
}

function* range(from: number, count: number): Generator<number> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}

if (only === undefined) {
  for (let first = 1; first <= SEEDS; first += PER_TEST) {
    test.serial(`whatever goes wrong, the promises hold: seeds ${first} to ${first + PER_TEST - 1}`, async (t) => {
      const failed = await failures(range(first, PER_TEST));
      t.is(failed === undefined ? 'no fault' : describe(await shrink(failed)), 'no fault');
    });
  }

  test.serial('whatever goes wrong, the promises hold: new seeds', async (t) => {
    const first = Date.now() % 2 ** 31;
    t.log(`seeds ${first} to ${first + FRESH - 1}; repeat one with SEED=${first}`);
    const failed = await failures(range(first, FRESH));
    t.is(failed === undefined ? 'no fault' : describe(await shrink(failed)), 'no fault');
  });

  test.serial('a seed tells the same story every time', async (t) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const [one, another] = [await simulate(makePlan(seed, WORKLOADS)), await simulate(makePlan(seed, WORKLOADS))];
      t.is(render(one.history), render(another.history));
      t.is(one.tasks, another.tasks);
    }
  });

  test.serial('afterwards time and chance are those of the system again', async (t) => {
    const before = [setTimeout, setImmediate, setInterval, performance.now, Date.now, Math.random];
    await judge(1);
    t.deepEqual([setTimeout, setImmediate, setInterval, performance.now, Date.now, Math.random], before);
    t.true(Math.abs(Date.now() - new Date().getTime()) < 1_000);
  });
} else {
  test.serial(`whatever goes wrong, the promises hold: seed ${only}`, async (t) => {
    const verdict = await judge(Number(only));
    t.log(describe(verdict, true));
    t.deepEqual(verdict.faults, []);
  });
}
