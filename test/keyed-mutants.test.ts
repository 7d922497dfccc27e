/** The checker of keyed actors, seen failing: builds with a guard taken out must be caught, whole ones pass. */
import test from 'ava';
import { crowd, sleeper } from './support/keyed-scenarios.ts';
import { copyBuild, type Guard } from './support/mutant.ts';

interface Mutant {
  readonly name: string;
  readonly guards: readonly Guard[];
  readonly play: (programs: string) => Promise<string[]>;
  /** One finding must be of this kind. */
  readonly caught: RegExp;
}

const SCRIPTS = '@homeostat/redis/dist/src/scripts.js';

const mutants: readonly Mutant[] = [
  {
    name: 'the order gate',
    guards: [
      {
        file: '@homeostat/core/dist/src/keyed/keyed-batch.js',
        text: 'return this.frame.envelopes[index]?.extras?.key;',
        instead: 'return `${this.id} ${index}`;',
      },
    ],
    play: crowd,
    caught: /out of order|applied \d+ times/,
  },
  {
    name: 'the fence of commits',
    guards: [
      {
        file: SCRIPTS,
        script: 'keyedcommit',
        text: "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end\n",
        instead: '',
      },
      {
        file: SCRIPTS,
        script: 'keyedcommit',
        text: 'if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end\n',
        instead: '',
      },
      {
        file: SCRIPTS,
        script: 'keyedcommit',
        text: 'if not record and not is_in_log(KEYS[3], id) then return 0 end\n',
        instead: '',
      },
    ],
    play: sleeper,
    caught: /applied \d+ times|the last is|out of order|told 2 times/,
  },
];

for (const { name, guards, play, caught } of mutants) {
  test.serial(`keyed: with ${name} nothing is found`, async (t) => {
    t.timeout(90_000);
    const build = copyBuild();
    t.teardown(() => build.remove());
    t.deepEqual(await play(build.programs), []);
  });

  test.serial(`keyed: without ${name} the checker finds it`, async (t) => {
    t.timeout(90_000);
    const build = copyBuild(...guards);
    t.teardown(() => build.remove());
    const faults = await play(build.programs);
    t.log(...faults.slice(0, 5));
    t.true(
      faults.some((fault) => caught.test(fault)),
      JSON.stringify(faults),
    );
  });
}
