/** SIGTERM under load: what runs is finished, what has not started is handed back, and nobody notices. */
import test from 'ava';
import { Stage } from './support/stage.ts';

const ROUNDS = 5;

test.serial('a service that is told to end under load loses nothing, repeats nothing and fails no call', async (t) => {
  t.timeout(60_000);
  const stage = await Stage.open();
  t.teardown(() => stage.close());
  await stage.steady();
  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const leaving = await stage.busy();
    const since = performance.now();
    await Promise.all([stage.endService(leaving, 'SIGTERM'), stage.startService()]);
    tookMs.push(Math.round(performance.now() - since));
    t.is(await leaving.ended, 'SIGTERM', 'it ends as the signal would have ended it');
    t.deepEqual(stage.running(leaving), [], 'what it had started it has finished');
    await stage.untilRedis<(string | number)[][]>(
      'its consumer is gone',
      ['XINFO', 'CONSUMERS', stage.key('mailbox:work@1'), 'g'],
      (consumers) => consumers.every((facts) => !leaving.owns(String(facts[facts.indexOf('name') + 1]))),
    );
    t.false((await stage.memberIds()).some((id) => leaving.owns(id)));
    await stage.steady();
  }
  const { faults, accepted, handled } = await stage.drain({ repeats: false });
  t.log(`${accepted} accepted, ${handled} handled; ended and replaced within ${tookMs.join(', ')} ms`);
  t.deepEqual(faults, []);
  const refused = stage.history().filter((one) => one.type === 'refused');
  t.deepEqual(refused, []);
});
