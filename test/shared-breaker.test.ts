/** The shared breaker over real processes. */
import { once } from 'node:events';
import test from 'ava';
import { waitFor } from 'homeostat/testing';
import { echo } from './support/echo.ts';
import { Servers, type Server } from './support/servers.ts';

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 10_000, what });

async function failing({ child }: Server, times: number): Promise<readonly string[]> {
  child.send({ call: 'fail', times });
  const [{ codes }] = (await once(child, 'message')) as [{ codes: string[] }];
  return codes;
}

/** A call is answered before the record of its failure has arrived. */
const counted = ({ redis }: Servers, failures: number): Promise<unknown> =>
  until(`${failures} failures to be counted`, async () => {
    return Number(await redis.command('HGET', '{house:0}:breaker:echo.fail', 'failuresInRow')) === failures;
  });

/** Three calls each, and what became of them. */
async function failingTogether(servers: Servers, one: Server, other: Server): Promise<readonly string[]> {
  const codes = [...(await failing(one, 3))];
  await counted(servers, 3);
  // The other hears of the three with the answer to its first record; until then it may let one call more pass.
  codes.push(...(await failing(other, 1)));
  await counted(servers, 4);
  codes.push(...(await failing(other, 2)));
  return codes;
}

const TOGETHER = ['HANDLER', 'HANDLER', 'HANDLER', 'HANDLER', 'HANDLER', 'CIRCUIT_OPEN'];

test.serial(
  'failures on two processes together open it for a third within 50 ms, which has seen none (S3-20, S3-23)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const [one, two] = [await servers.start('one'), await servers.start('two')];
    const third = await servers.node('third');
    await until('both to serve', () => third.registry.instances('echo').length === 2);
    const opened = new Promise<number>((resolve) => {
      third.on('breaker', ({ to }) => to === 'open' && resolve(performance.now()));
    });
    const codes = await failingTogether(servers, one, two);
    const endedAt = performance.now();
    t.deepEqual(codes, TOGETHER);
    t.true((await opened) - endedAt < 50);
    const refused = await third.client(echo).fail.try();
    t.is(refused.ok ? '' : refused.error.code, 'CIRCUIT_OPEN');
    t.true(!refused.ok && (refused.error.retryAfterMs ?? 0) > 0);
    t.is(
      await third
        .client(echo)
        .who()
        .then(() => 'answered'),
      'answered',
      'another method is not concerned',
    );
  },
);

test.serial(
  'a node that starts while it is open knows of it; one that is opened by hand stops another within 50 ms',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    await servers.start('server');
    const first = await servers.node('first');
    const second = await servers.node('second');
    await until('it to be served', () => second.registry.instances('echo').length === 1);
    t.is(await second.client(echo).who(), 'server');
    const tookMs: number[] = [];
    for (let time = 1; time <= 3; time += 1) {
      await first.breaker('echo.who').reset();
      await until('it to be closed', async () => (await second.client(echo).who.try()).ok);
      await first.breaker('echo.who').open({ reason: 'maintenance', ttlMs: 60_000 });
      const openedAt = performance.now();
      await until('the other to know', async () => !(await second.client(echo).who.try()).ok);
      tookMs.push(Math.round(performance.now() - openedAt));
    }
    t.true(Math.min(...tookMs) < 50, `it took ${tookMs.join(', ')} ms`);
    const late = await servers.node('late');
    const refused = await late.client(echo).who.try();
    t.is(refused.ok ? '' : refused.error.code, 'CIRCUIT_OPEN');
    await late.breaker('echo.who').reset();
    await until('it to be closed everywhere', async () => (await first.client(echo).who.try()).ok);
  },
);

test.serial(
  'a node whose clock is an hour off answers in time, and shares the breaker like any other (S4-30)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const late = await servers.start('late', { CLOCK_OFF_MS: '-3600000' });
    const early = await servers.start('early', { CLOCK_OFF_MS: '3600000' });
    const node = await servers.node('node');
    await until('both to serve', () => node.registry.instances('echo').length === 2);
    const api = node.client(echo, { timeoutMs: 3_000 });
    t.is(await api.slow(20, { node: late.id }), 'late');
    t.is(await api.slow(20, { node: early.id }), 'early');
    t.deepEqual(await failingTogether(servers, late, early), TOGETHER);
    const refused = await api.fail.try();
    t.true(!refused.ok && refused.error.code === 'CIRCUIT_OPEN');
    t.true(!refused.ok && refused.error.retryAfterMs! > 20_000 && refused.error.retryAfterMs! <= 30_000);
  },
);
