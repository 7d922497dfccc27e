/** Streamed replies on a real Redis: what an inbox holds meanwhile, what it costs in commands, connections that are cut. */
import test, { type ExecutionContext } from 'ava';
import { actor, contract, createNode, type ActorNode } from '@homeostat/core';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { redis } from '../src/index.ts';
import { quietLog } from '../src/quiet-log.ts';
import { startRedis, type RedisServer } from './redis-server.ts';
import { until } from './house.ts';

const feed = contract('feed', {
  methods: {
    texts: { input: z.object({ count: z.number(), bytes: z.number() }), yields: z.string() },
    numbers: { input: z.number(), yields: z.number() },
  },
});
const MIB = 1024 * 1024;

let server: RedisServer;
let spaces = 0;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

async function scene(
  t: ExecutionContext,
): Promise<{ reader: ActorNode; look: Redis; inbox: string; pulled: () => number }> {
  t.timeout(60_000);
  const namespace = `streams-${process.pid}-${(spaces += 1)}`;
  const look = new Redis(server.url);
  const node = (name: string): Promise<ActorNode> =>
    createNode({ backend: redis(server.url), namespace, name, log: quietLog, signals: false });
  const [producer, reader] = await Promise.all([node('producer'), node('reader')]);
  let pulled = 0;
  await producer.serve(
    actor(feed, {
      async *texts({ count, bytes }) {
        for (; pulled < count; pulled += 1) yield 'x'.repeat(bytes);
      },
      async *numbers(count) {
        for (let n = 0; n < count; n += 1) yield n;
      },
    }),
  );
  t.teardown(async () => {
    await Promise.all([producer.close({ drainMs: 100 }), reader.close()]);
    look.disconnect();
  });
  return { reader, look, inbox: `{${namespace}:0}:inbox:${reader.id}`, pulled: () => pulled };
}

test.serial(
  'an inbox never holds more of a stream than its window and what is about to be trimmed (S3-35)',
  async (t) => {
    const { reader, look, inbox, pulled } = await scene(t);
    const stream = reader.client(feed).texts({ count: 8_000, bytes: 1_000 });
    await stream.next();
    let most = 0;
    const measure = async (): Promise<void> => {
      most = Math.max(most, (await look.memory('USAGE', inbox, 'SAMPLES', 0)) ?? 0);
    };
    // A slow reader: the window fills.
    await until('the window to fill', () => pulled() >= MIB / 1_100);
    const held = pulled();
    for (let time = 0; time < 20; time += 1) await measure();
    t.is(pulled(), held, 'nothing is pulled meanwhile');
    let rest = 0;
    for await (const text of stream) {
      rest += text.length;
      if (rest % 500_000 === 0) await measure();
    }
    t.is(rest, 7_999_000);
    t.true(most < 3 * MIB, `${most} bytes`);
  },
);

test.serial('a stream of 20,000 items costs less than a command for 20 of them', async (t) => {
  const { reader, look } = await scene(t);
  for await (const _ of reader.client(feed).numbers(1_000));
  await look.config('RESETSTAT');
  let count = 0;
  for await (const n of reader.client(feed).numbers(20_000)) {
    if (n !== count) t.fail(`${n} in place of ${count}`);
    count += 1;
  }
  const calls = (await look.info('commandstats')).matchAll(/cmdstat_(evalsha|xread|xtrim):calls=(\d+)/g);
  const commands = [...calls].reduce((sum, [, , number]) => sum + Number(number), 0);
  t.is(count, 20_000);
  t.log(`${commands} commands`);
  t.true(commands < 1_000);
});

test.serial('connections that are cut again and again do not break a stream', async (t) => {
  const { reader, look } = await scene(t);
  let count = 0;
  for await (const n of reader.client(feed).numbers(30_000)) {
    if (n !== count) t.fail(`${n} in place of ${count}`);
    count += 1;
    if (count % 6_000 === 0) await look.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  }
  t.is(count, 30_000);
});
