/** What a frame of many messages must not do to them when its node dies, hangs, or is killed by one of them. */
import test from 'ava';
import { Solo } from './support/solo.ts';
import { pause } from './support/stage.ts';
import { BEAT, work } from './support/work.ts';

const FRAME = 128;
/** The slow message of a frame, ms, and its place in it. */
const SLOW_MS = 2_000;
const SLOW_AT = 5;
/** Where nothing holds it up, a quick message of a frame is answered within this, ms; the machine may be busy. */
const QUICK_MS = 1_000;
/** What a node finished longer ago than this is not run again after its death, ms. */
const REMEMBERED_MS = 100;
/** Tries of what depends on the machine keeping time. */
const ROUNDS = 3;

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `n-${index}`);

/** Waits until a whole frame of so many has come into a node's hands. */
function claimed(solo: Solo, count: number): Promise<void> {
  return solo.stage.until(`a frame of ${count} was claimed`, (history) =>
    history.some((one) => one.type === 'claim' && one.count === count && one.whole),
  );
}

test.serial(
  'one slow message in a frame of 128 whose node is killed neither holds the others up nor repeats them',
  async (t) => {
    const solo = await Solo.open({ services: 2, concurrency: 16 });
    t.teardown(() => solo.close());
    const { stage } = solo;
    const ids = numbered(FRAME);
    const sentAt = Date.now();
    const sent = await solo.oneFrame(() =>
      ids.map((id, index) => {
        if (index === SLOW_AT) return solo.cast({ id, ms: SLOW_MS });
        return index % 2 === 0 ? solo.cast({ id, ms: 0 }) : solo.call({ id, ms: 0 }, 10_000);
      }),
    );
    await claimed(solo, FRAME);
    await Promise.all(sent);
    t.true(
      Math.max(...solo.times('ok', ids).flat()) - sentAt < QUICK_MS,
      'all are answered while one is still running',
    );
    await pause(2 * REMEMBERED_MS);
    const victim = await stage.busy();
    t.deepEqual(stage.running(victim), [ids[SLOW_AT]!]);
    await stage.endService(victim, 'SIGKILL');

    const { faults } = await solo.drain({ repeats: true });
    t.deepEqual(faults, []);
    const starts = solo.times('start', ids).map((times) => times.length);
    t.deepEqual(
      starts,
      ids.map((_, index) => (index === SLOW_AT ? 2 : 1)),
    );
  },
);

/** Kills the node of a frame in the middle; answers how often each message that had ended early was run to its end. */
async function killedInTheMiddle(solo: Solo, round: number): Promise<number[]> {
  const { stage } = solo;
  const ids = numbered(FRAME).map((id) => `round-${round}-${id}`);
  const sent = await solo.oneFrame(() => ids.map((id) => solo.cast({ id, ms: 50 })));
  await stage.until('most of it is done', () => solo.times('end', ids).flat().length >= (FRAME * 2) / 3);
  const victim = await stage.busy();
  const killedAt = Date.now();
  await stage.endService(victim, 'SIGKILL');
  await Promise.all([...sent, stage.startService()]);
  await stage.caughtUp();
  const ends = solo.times('end', ids);
  return ends.filter(([first]) => first! < killedAt - REMEMBERED_MS).map((times) => times.length);
}

test.serial(
  'what a killed node finished more than 100 ms before is not run again, in the middle of a frame too',
  async (t) => {
    const solo = await Solo.open({ services: 2, concurrency: 16 });
    t.teardown(() => solo.close());
    // A machine that is busy elsewhere may hold one progress report up; not three in a row.
    for (let round = 1; ; round += 1) {
      const early = await killedInTheMiddle(solo, round);
      const again = early.filter((times) => times > 1).length;
      t.log(`${early.length} had ended ${REMEMBERED_MS} ms before the kill, ${again} of them were run again`);
      t.true(early.length > 0);
      if (again === 0) break;
      t.true(round < ROUNDS);
    }
    await claimed(solo, FRAME);
    t.deepEqual((await solo.drain({ repeats: true })).faults, []);
  },
);

test.serial('a slow handler on a living node runs once, ten times the TTL though it takes', async (t) => {
  const solo = await Solo.open({ services: 2 });
  t.teardown(() => solo.close());
  await solo.cast({ id: 'slow', ms: 10 * BEAT.ttlMs });
  await solo.stage.until('it has ended', () => solo.times('end', ['slow']).flat().length > 0);
  t.deepEqual((await solo.drain({ repeats: false })).faults, []);
  t.is(solo.times('start', ['slow']).flat().length, 1);
  t.false(solo.stage.history().some((one) => one.type === 'evicted'));
});

test.serial('a handler that blocks the event loop for twice the TTL runs once', async (t) => {
  const solo = await Solo.open({ services: 2 });
  t.teardown(() => solo.close());
  await solo.cast({ id: 'block', ms: 2 * BEAT.ttlMs, how: 'block' });
  await solo.stage.until('it has ended', () => solo.times('end', ['block']).flat().length > 0);
  // A node taken for dead would learn it from its next beat.
  await pause(BEAT.ttlMs);
  t.deepEqual((await solo.drain({ repeats: false })).faults, []);
  t.is(solo.times('start', ['block']).flat().length, 1);
  t.false(solo.stage.history().some((one) => one.type === 'evicted'));
});

test.serial(
  'a message that kills its process ends as the one dead letter of its frame, the others are handled',
  async (t) => {
    t.timeout(60_000);
    const solo = await Solo.open({ services: 2, respawn: true });
    t.teardown(() => solo.close());
    const { stage } = solo;
    const ids = numbered(8);
    const poison = ids[2]!;
    await Promise.all(
      await solo.oneFrame(() =>
        ids.map((id) => solo.cast({ id, ms: 0, ...(id === poison ? { how: 'exit' } : undefined) })),
      ),
    );
    await claimed(solo, ids.length);
    await stage.untilRedis<number>(
      'the poison is dead',
      ['XLEN', stage.key('dead:work@1')],
      (dead) => dead > 0,
      45_000,
    );
    const letters: (readonly [id: string, reason: string])[] = [];

    for (const { input, reason } of await solo.node.deadLetters(work).list())
      letters.push([(input as { id: string }).id, reason]);
    const { faults } = await solo.drain({ repeats: true });
    t.log(`${stage.deaths} processes died`);
    t.deepEqual(faults, []);
    t.deepEqual(letters, [[poison, 'NODE_DIED']]);
    t.true(
      solo
        .times(
          'end',
          ids.filter((id) => id !== poison),
        )
        .every((times) => times.length > 0),
    );
    t.true(stage.deaths <= 5, 'two to fall under suspicion, three deliveries of its own');
  },
);
