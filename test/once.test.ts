/** Ids over real processes that die and freeze. */
import test from 'ava';
import { waitFor } from 'homeostat/testing';
import { QUICK } from './support/echo.ts';
import { end, Servers, type Server } from './support/servers.ts';
import { till } from './support/till.ts';

const ID = 'order-1';
const NAMES = '{house:0}:once:till@1:*';

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 10_000, what });

const start = (servers: Servers, name: string, more: Record<string, string> = {}): Promise<Server> =>
  servers.start(name, more, 'till-server.js');

/** Whom a service has paid, as it said so. */
function paidBy({ child }: Server): { to: string; at: number }[] {
  const paid: { to: string; at: number }[] = [];
  child.on('message', (message: { paid?: string }) => {
    if (message.paid !== undefined) paid.push({ to: message.paid, at: performance.now() });
  });
  return paid;
}

/** What Redis holds of the one id there is: its record, and how many wait. */
async function record({ redis }: Servers): Promise<{ state: string; waiting: number }> {
  const [key] = await redis.command<string[]>('KEYS', NAMES);
  if (key === undefined) return { state: '', waiting: 0 };
  const text = await redis.command<string>('GET', key);
  return {
    state: text.slice(0, 1),
    waiting: await redis.command<number>('ZCARD', key.replace(':once:', ':oncewaiters:')),
  };
}

test.serial(
  'a process killed while it runs an id hands it over within its TTL and a second; all who wait get one answer (S4-29)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const callers = [await servers.node('c1'), await servers.node('c2')];
    const victim = await start(servers, 'victim', { HOLD_MS: '60000' });
    const [before, ask] = [
      paidBy(victim),
      (n: number) => callers[n % 2]!.client(till, { timeoutMs: 20_000 }).pay({ to: 'ann' }, { id: ID }),
    ];
    const first = ask(0);
    await until('it to be paid', () => before.length === 1);
    const others = Array.from({ length: 20 }, (_, n) => ask(n));
    await until('all to wait', async () => (await record(servers)).waiting === 20);
    const heir = await start(servers, 'heir');
    const after = paidBy(heir);
    const killedAt = performance.now();
    await end(victim.child, 'SIGKILL');
    t.deepEqual(await record(servers), { state: 'p', waiting: 20 }, 'it died in the middle of it');
    const answers = await Promise.all([first, ...others]);
    t.deepEqual([...new Set(answers)], ['ann, paid by heir']);
    // The answer may come sooner than the word of the process that gave it.
    await until('word of the heir', () => after.length > 0);
    t.is(after.length, 1);
    const tookMs = after[0]!.at - killedAt;
    t.true(tookMs < QUICK.ttlMs + 1_000, `it took ${Math.round(tookMs)} ms`);
    t.is(await ask(1), 'ann, paid by heir');
    t.deepEqual([before.length, after.length], [1, 1]);
    await until('those who were told to be forgotten', async () => (await record(servers)).waiting === 0);
  },
);

test.serial(
  'a process killed between keeping an answer and telling it has done the work: nobody does it again (S4-29)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const caller = await servers.node('caller');
    const victim = await start(servers, 'victim', { DIES: 'when kept' });
    const before = paidBy(victim);
    const gone = end(victim.child, 'SIGCONT');
    const paid = caller.client(till, { timeoutMs: 20_000 }).pay({ to: 'ann' }, { id: ID });
    await gone;
    t.is(victim.child.signalCode, 'SIGKILL');
    t.is((await record(servers)).state, 'r', 'the answer is kept');
    t.is((await caller.depth(till)).messages, 1, 'and its message is not settled');
    const heir = await start(servers, 'heir');
    const after = paidBy(heir);
    t.is(await paid, 'ann, paid by victim');
    t.is(await caller.client(till).pay({ to: 'ann' }, { id: ID }), 'ann, paid by victim');
    t.deepEqual([before.length, after.length], [1, 0]);
    await until('nothing to be left', async () => (await caller.depth(till)).messages === 0);
  },
);

test.serial(
  'a process that froze while it ran an id keeps no answer when it thaws: there is one (S4-29)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const caller = await servers.node('caller');
    const frozen = await start(servers, 'frozen', { HOLD_MS: '300' });
    const [before, api] = [paidBy(frozen), caller.client(till, { timeoutMs: 20_000 })];
    const paid = api.pay({ to: 'ann' }, { id: ID });
    await until('it to be paid', () => before.length === 1);
    frozen.child.kill('SIGSTOP');
    const heir = await start(servers, 'heir');
    const after = paidBy(heir);
    t.is(await paid, 'ann, paid by heir');
    frozen.child.kill('SIGCONT');
    await until('it to come back', () =>
      caller.registry.instances('till').some(({ nodeName, nodeId }) => nodeName === 'frozen' && nodeId !== frozen.id),
    );
    for (let time = 0; time < 5; time += 1) t.is(await api.pay({ to: 'ann' }, { id: ID }), 'ann, paid by heir');
    t.deepEqual([before.length, after.length], [1, 1]);
  },
);
