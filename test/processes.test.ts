/** Processes that serve one actor: they share its work, and what one of them dies with is not lost. */
import { once } from 'node:events';
import test from 'ava';
import { waitFor } from 'homeostat/testing';
import { echo } from './support/echo.ts';
import { end, Servers, type Server } from './support/servers.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const CALLS = 120;

test.serial(
  'four processes share the calls, each run once; one is killed and no call fails (S0-38, S0-25)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const caller = await servers.node('caller');
    const started = await Promise.all(NAMES.map((name) => servers.start(name)));
    const api = caller.client(echo, { timeoutMs: 15_000, retry: false });
    const ask = (ms: number): Promise<string>[] => Array.from({ length: CALLS }, () => api.slow(ms));

    t.deepEqual([...new Set(await Promise.all(ask(20)))].sort(), NAMES);
    const runs = await Promise.all(started.map(runsOf));
    t.is(
      runs.reduce((sum, ran) => sum + ran, 0),
      CALLS,
    );

    const asked = ask(400);
    const victim = started[0]!;
    const before = runs[0]!;
    const isBusy = async (): Promise<boolean> => (await runsOf(victim)) > before;
    await waitFor(isBusy, { withinMs: 10_000, what: 'the victim to have something in its hands' });
    await end(victim.child, 'SIGKILL');
    const answers = await Promise.all(asked);
    t.is(answers.length, CALLS);
  },
);

async function runsOf({ child }: Server): Promise<number> {
  const told = once(child, 'message') as Promise<[{ ran: number }]>;
  child.send({ call: 'ran' });
  const [{ ran }] = await told;
  return ran;
}
