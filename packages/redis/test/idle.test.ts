/** What an idle node costs: commands and connections, with fifty mailboxes and with a thousand. */
import test from 'ava';
import { TestNode, until } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';
import type { BeatOptions } from '../src/core.ts';

const ORDINARY: BeatOptions = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
const MEASURED_MS = 5_000;
/** Lifetimes are refreshed with every tenth beat. */
const MEASURED_BEATS = 10;

let server: RedisServer;
test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

/** Calls by command since the last reset, those that scripts make included. */
async function calls(): Promise<Map<string, number>> {
  const info = await server.client.info('commandstats');
  return new Map([...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map((match) => [match[1] ?? '', Number(match[2])]));
}

/** What this package sends by itself; everything else in the statistics is called by a script of ours. */
const SENT = ['evalsha', 'eval', 'xreadgroup', 'xread', 'xtrim', 'ping', 'client|unblock', 'smismember', 'srandmember'];

for (const mailboxes of [50, 1_000]) {
  test.serial(
    `an idle node with ${mailboxes} mailboxes sends at most 5 commands a second over at most 6 connections`,
    async (t) => {
      const before = (await server.client.info('clients')).match(/connected_clients:(\d+)/)?.[1];
      const node = await TestNode.joined(server.url, `idle-${mailboxes}`, 'idle', ORDINARY);
      await Promise.all(Array.from({ length: mailboxes }, (_, i) => node.serve(`actor-${i}@1`, { settle: true })));
      await node.send('actor-0@1', 'warm');
      await node.send(`actor-${mailboxes - 1}@1`, 'warm');
      for (const warmed of ['actor-0@1', `actor-${mailboxes - 1}@1`])
        await until('what was sent to be settled', async () => (await node.link.broker.depth(warmed)).messages === 0);
      await server.client.config('RESETSTAT');
      await new Promise((resolve) => setTimeout(resolve, MEASURED_MS));
      const made = await calls();
      const perSecond = SENT.reduce((sum, name) => sum + (made.get(name) ?? 0), 0) / (MEASURED_MS / 1_000);
      const all =
        [...made]
          .filter(([name]) => !name.startsWith('info') && !name.startsWith('config'))
          .reduce((sum, [, count]) => sum + count, 0) /
        (MEASURED_MS / 1_000);
      const after = (await server.client.info('clients')).match(/connected_clients:(\d+)/)?.[1];
      const connections = Number(after) - Number(before);
      t.log(
        `${perSecond.toFixed(1)} commands a second (${all.toFixed(1)} with those inside scripts), ${connections} connections`,
      );
      t.log([...made].map(([name, count]) => `${name} ${count}`).join(', '));
      t.true(perSecond <= 5, `${perSecond} commands a second`);
      t.true(connections <= 6, `${connections} connections`);
      t.is((await node.link.health()).connections, connections);
      t.deepEqual(node.evictions, []);
      await node.end();
    },
  );
}

/** Commands and bytes that one of `count` idle nodes whose vitals change with every beat costs the server for each beat. */
async function costOfOne(count: number): Promise<{ readonly commands: number; readonly bytes: number }> {
  const beat = { ...ORDINARY, intervalMs: 200 };
  const options = { url: server.url, beatThread: false };
  const nodes = await Promise.all(
    Array.from({ length: count }, (_, i) => TestNode.joined(options, `idle-of-${count}`, `n${i}`, beat)),
  );
  for (const node of nodes) node.restless = true;
  await until('all to know of all', () => nodes.every((node) => node.seq === count));
  const bytes = async (): Promise<number> => {
    const info = await server.client.info('stats');
    const read = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
    return read('total_net_input_bytes') + read('total_net_output_bytes');
  };
  await server.client.config('RESETSTAT');
  const before = await bytes();
  const start = nodes.map((node) => node.beats);
  const beaten = (): number => nodes.reduce((sum, node, i) => sum + node.beats - (start[i] ?? 0), 0);
  await until('a round of refreshed lifetimes', () => beaten() >= MEASURED_BEATS * count);
  const [made, after, beats] = [await calls(), await bytes(), beaten()];
  const cost = { commands: (made.get('evalsha') ?? 0) / beats, bytes: (after - before) / beats };
  await Promise.all(nodes.map((node) => node.end()));
  return cost;
}

test.serial('what an idle node costs does not grow with the number of nodes', async (t) => {
  const few = await costOfOne(6);
  const many = await costOfOne(24);
  t.log(`of 6: ${JSON.stringify(few)}, of 24: ${JSON.stringify(many)}, each beat`);
  t.true(many.commands < 1.15 * few.commands);
  t.true(many.bytes < 1.15 * few.bytes);
});
