/** What nodes know of each other while processes come, freeze and die. */
import test from 'ava';
import { waitFor } from 'homeostat/testing';
import { echo, QUICK } from './support/echo.ts';
import { end, Servers } from './support/servers.ts';

const until = (what: string, condition: () => boolean): Promise<unknown> =>
  waitFor(condition, { withinMs: 10_000, what });

test.serial('a killed process is gone on every node within its TTL and a second, told once each', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => servers.node(name)));
  const told = nodes.map((node) => {
    const events: string[] = [];
    node.on('expired', ({ nodeId }) => events.push(nodeId));
    return events;
  });
  const victim = await servers.start('victim');
  await until('all to see it', () => nodes.every((node) => node.registry.instances('echo').length === 1));
  const killedAt = performance.now();
  await end(victim.child, 'SIGKILL');
  await until('all to miss it', () => nodes.every((node) => node.registry.instances('echo').length === 0));
  const tookMs = performance.now() - killedAt;
  t.true(tookMs < QUICK.ttlMs + 1_000, `it took ${Math.round(tookMs)} ms`);
  for (const events of told) t.deepEqual(events, [victim.id]);
});

test.serial(
  'a frozen process expires on every node; the others stay, and it joins again when it thaws (S0-41)',
  async (t) => {
    const servers = await Servers.open();
    t.teardown(() => servers.close());
    const watcher = await servers.node('watcher');
    const frozen = await servers.start('frozen');
    const living = await servers.start('living');
    const serving = (): string[] => watcher.registry.instances('echo').map(({ nodeName }) => nodeName);
    await until('both to serve', () => serving().length === 2);
    frozen.child.kill('SIGSTOP');
    await until('the frozen one to expire', () => !serving().includes('frozen'));
    t.deepEqual(serving(), ['living']);
    t.is(await watcher.client(echo).who(), 'living');
    frozen.child.kill('SIGCONT');
    await until('it to come back', () => serving().includes('frozen'));
    t.false(
      watcher.registry.instances('echo').some(({ nodeId }) => nodeId === frozen.id),
      'under another id',
    );
    t.true(watcher.registry.instances('echo').some(({ nodeId }) => nodeId === living.id));
  },
);

test.serial('calls that were for a killed node alone are answered by another (S0-35, S4-06)', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const caller = await servers.node('caller');
  const victim = await servers.start('victim');
  await servers.start('other');
  await until('both to serve', () => caller.registry.instances('echo').length === 2);
  const api = caller.client(echo, { timeoutMs: 15_000 });
  const asked = Array.from({ length: 30 }, () => api.slow(400, { node: victim.id }));
  await until('it to have begun', () => caller.stats().pendingCalls === 30);
  await end(victim.child, 'SIGKILL');
  const answers = await Promise.all(asked);
  t.true(answers.includes('other'));
  t.is(answers.length, 30);
});

test.serial('nothing that nodes do looks through the key space (S2-10)', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const node = await servers.node('node');
  const server = await servers.start('server');
  await until('it to serve', () => node.registry.instances('echo').length === 1);
  const api = node.client(echo, { balance: 'round_robin' });
  await api.who(undefined, { cache: true });
  await node.registry.discover('echo');
  await node.registry.setStatus('echo', server.id, 'unhealthy', { ttlMs: 1_000 });
  await node.config.set('echo', { timeoutMs: 1_000 });
  await node.cache.invalidate('echo', { prefix: '' });
  await end(server.child, 'SIGKILL');
  await until('it to expire', () => node.registry.instances('echo').length === 0);
  const used = await servers.redis.command<string>('INFO', 'commandstats');
  t.regex(used, /cmdstat_evalsha/);
  t.notRegex(used, /cmdstat_(keys|scan|randomkey|flushall|flushdb)\b/);
});
