/** A release under load: the only node of a service is replaced by its successor, and nobody notices. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { echo } from './support/echo.ts';
import { end, Servers } from './support/servers.ts';

const PER_SECOND = 200;
const REPLACEMENTS = 3;

test.serial(
  'the only node of a service is replaced under 200 calls a second without one failed call (S2-05)',
  async (t) => {
    t.timeout(60_000);
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    let running = await servers.start('server-0');
    const api = (await servers.node('caller')).client(echo);
    const failures: string[] = [];
    const answeredBy = new Map<string, number>();
    const calls: Promise<void>[] = [];
    let calling = true;
    const load = (async () => {
      while (calling) {
        calls.push(
          api.slow.try(5).then((answer) => {
            if (answer.ok) answeredBy.set(answer.value, (answeredBy.get(answer.value) ?? 0) + 1);
            else failures.push(`${answer.error.code}: ${answer.error.message}`);
          }),
        );
        await sleep(1_000 / PER_SECOND);
      }
    })();
    for (let replacement = 1; replacement <= REPLACEMENTS; replacement += 1) {
      await sleep(500);
      const successor = await servers.start(`server-${replacement}`);
      await end(running.child, 'SIGTERM');
      running = successor;
    }
    await sleep(500);
    calling = false;
    await load;
    await Promise.all(calls);
    t.deepEqual(failures, []);
    t.is(answeredBy.size, REPLACEMENTS + 1, 'every generation answered');
    t.log(
      `${calls.length} calls, answered by ${[...answeredBy].map(([name, count]) => `${name}: ${count}`).join(', ')}`,
    );
  },
);
