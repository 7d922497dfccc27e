/** What a node says and decides while Redis is paused, gone or emptied. */
import test from 'ava';
import { waitFor } from 'homeostat/testing';
import { echo } from './support/echo.ts';
import { Servers } from './support/servers.ts';

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 15_000, what });

test.serial(
  'readiness is red within two seconds of a lost Redis, and green again only when things move (S3-44, S0-42)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const node = await servers.node('node');
    await servers.start('server');
    const api = node.client(echo, { timeoutMs: 1_000 });
    await until('it to be ready', () => node.health.readiness().ready);
    const { connected, pingMs = -1, connections } = await node.link();
    t.true(connected && pingMs >= 0 && connections > 0);
    const lostAt = performance.now();
    await servers.redis.kill();
    await until('it to be red', () => !node.health.readiness().ready);
    t.true(performance.now() - lostAt < 2_000);
    t.false((await node.link()).connected);
    const refused = await api.who.try();
    t.false(refused.ok);
    await t.throwsAsync(node.registry.discover('echo-of-old'), { code: 'TRANSPORT' });
    const backAt = performance.now();
    await servers.redis.restart();
    await until('it to be green', () => node.health.readiness().ready);
    await until('a call to be answered', async () => (await api.who.try()).ok);
    t.true(performance.now() - backAt < 8_000);
  },
);

test.serial('a paused Redis opens no breaker of a handler (S2-11)', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const node = await servers.node('node', { beat: { intervalMs: 200, ttlMs: 6_000 } });
  await servers.start('server');
  const api = node.client(echo, { timeoutMs: 300, retry: false });
  t.is(await api.who(), 'server');
  await servers.redis.command('CLIENT', 'PAUSE', 2_500, 'ALL');
  const codes = new Set<string>();
  for (let round = 0; round < 6; round += 1) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => api.who.try()));
    for (const answer of answers) codes.add(answer.ok ? 'ok' : answer.error.code);
  }
  t.true(codes.has('CALL_TIMEOUT'));
  t.false(codes.has('CIRCUIT_OPEN'));
  await until('calls to be answered again', async () => (await api.who.try()).ok);
  t.true(node.breakers().every(({ phase }) => phase === 'closed'));
});

test.serial('an emptied Redis: everybody comes back, an open breaker stays open', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const node = await servers.node('node');
  await servers.start('server');
  const api = node.client(echo, { timeoutMs: 2_000 });
  for (let done = 0; done < 5; done += 1) await api.fail.try();
  await until('the breaker to open', () =>
    node.breakers().some(({ name, phase }) => name === 'echo.fail' && phase === 'open'),
  );
  await servers.redis.command('FLUSHALL');
  await until('the service to be there again', () => node.registry.instances('echo').length === 1);
  await until('a call to be answered', async () => (await api.who.try()).ok);
  const refused = await api.fail.try();
  t.is(refused.ok ? '' : refused.error.code, 'CIRCUIT_OPEN');
});
