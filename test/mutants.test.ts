/** A checker that was never seen failing is unproven: builds with one guard taken out must be caught, whole ones pass. */
import test from 'ava';
import type { Findings } from './support/checker.ts';
import { copyBuild, replaceOnce, type Guard } from './support/mutant.ts';
import { answerHeldBack, appendCut, readCut, zombie } from './support/scenarios.ts';

interface Mutant {
  readonly name: string;
  readonly guard: Guard;
  readonly play: (programs: string) => Promise<Findings>;
  /** One finding must be of this kind. */
  readonly caught: RegExp;
}

const mutants: readonly Mutant[] = [
  {
    name: 'the sweep of own pending entries',
    guard: {
      file: '@homeostat/redis/dist/src/sweep.js',
      text: 'while (cursors.size > 0) {',
      instead: 'while (cursors.size < 0) {',
    },
    play: readCut,
    caught: /^accepted but neither handled nor dead/,
  },
  {
    name: 'the member fence of settling',
    guard: {
      file: '@homeostat/redis/dist/src/scripts.js',
      script: 'settle',
      text: "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end\n",
      instead: '',
    },
    play: zombie,
    caught: /^settled by a node that another had taken over from/,
  },
  {
    name: 'the producer number',
    guard: {
      file: '@homeostat/redis/dist/src/scripts.js',
      script: 'append',
      text: 'if before then return before end\n',
      instead: '',
    },
    play: appendCut,
    caught: /^one frame, two entries/,
  },
  {
    name: 'settling only after the reply',
    guard: {
      file: '@homeostat/core/dist/src/serving/endings.js',
      text: 'send(inbox, receipt);',
      instead: 'send(inbox, receipt); this.answered(batch, index);',
    },
    play: answerHeldBack,
    caught: /^calls handled, yet not answered in time/,
  },
];

for (const { name, guard, play, caught } of mutants) {
  test.serial(`with ${name} nothing is found`, async (t) => {
    const build = copyBuild();
    t.teardown(() => build.remove());
    t.deepEqual((await play(build.programs)).faults, []);
  });

  test.serial(`without ${name} the checker finds it`, async (t) => {
    const build = copyBuild(guard);
    t.teardown(() => build.remove());
    const { faults } = await play(build.programs);
    t.log(...faults);
    t.true(
      faults.some((fault) => caught.test(fault)),
      JSON.stringify(faults),
    );
  });
}

test('a guard must be found exactly once', (t) => {
  t.is(replaceOnce('a guard here', 'guard', 'gap'), 'a gap here');
  t.throws(() => replaceOnce('none here', 'guard', 'gap'), { message: /0 times/ });
  t.throws(() => replaceOnce('guard and guard', 'guard', 'gap'), { message: /2 times/ });
});
