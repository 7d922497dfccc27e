/** Topics on Redis: lanes, a full server, lost data, and what strangers write where topics are kept. */
import test from 'ava';
import { createNode, topic, type ActorNode } from '@homeostat/core';
import { z } from 'zod';
import { redis } from '../src/index.ts';
import { laneOfMailbox } from '../src/keys.ts';
import { quietLog } from '../src/quiet-log.ts';
import { TestNode, until } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

let server: RedisServer;
let spaces = 0;

test.before(async () => {
  server = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
});
test.after.always(() => server.end());

const order = z.object({ id: z.number() });
const created = topic('orders.created', order);
const kept = topic('orders.kept', order, { keep: { messages: 1_000 } });

interface House {
  readonly ns: string;
  node(name: string): Promise<ActorNode>;
}

function house(t: { teardown(fn: () => Promise<void>): void }, lanes = 1): House {
  const ns = `topics-${process.pid}-${++spaces}`;
  const nodes: ActorNode[] = [];
  t.teardown(async () => void (await Promise.all(nodes.map((node) => node.close({ drainMs: 100 })))));
  return {
    ns,
    node: async (name) => {
      const node = await createNode({
        ...{ name, namespace: ns, signals: false, log: quietLog, beat: { intervalMs: 100, ttlMs: 2_000 } },
        backend: redis({ url: server.url, lanes }),
      });
      nodes.push(node);
      return node;
    },
  };
}

function ids(): { readonly got: number[]; readonly take: (payload: { id: number }) => void } {
  const got: number[] = [];
  return { got, take: ({ id }) => void got.push(id) };
}

test.serial('topics are spread over lanes, and a pattern finds those of every lane', async (t) => {
  const { node, ns } = house(t, 8);
  const [publisher, subscriber] = [await node('publisher'), await node('subscriber')];
  const names = Array.from({ length: 12 }, (_, index) => `spread.t${index}`);
  t.true(new Set(names.map((name) => laneOfMailbox(`topic.${name}@all`, 8))).size > 2);
  const got: string[] = [];
  for (const name of names.slice(0, 6)) await publisher.publish(topic(name, order), { id: 0 });
  await subscriber.subscribe('spread.*', (_payload, ctx) => got.push(ctx.topic), { group: 'all' });
  for (const name of names) await publisher.publish(topic(name, order), { id: 1 });
  await until('all topics', () => got.length >= names.length);
  t.deepEqual(got.toSorted(), names.toSorted());
  t.deepEqual((await publisher.topics.list()).map(({ topic: name }) => name).toSorted(), names.toSorted());
  for (const key of await server.client.keys(`{${ns}:*}:topic*`)) t.regex(key, /^\{[^}]+:\d\}:topic/);
});

test.serial('a full server refuses what is published, and what waits is handled', async (t) => {
  const { node } = house(t);
  const [publisher, subscriber] = [await node('publisher'), await node('subscriber')];
  const { got, take } = ids();
  const subscription = await subscriber.subscribe(created, take);
  await subscription.close();
  for (let id = 0; id < 20; id += 1) await publisher.publish(created, { id });
  await server.client.config('SET', 'maxmemory', '1');
  try {
    t.like(await t.throwsAsync(publisher.publish(created, { id: 99 })), {
      code: 'BACKEND_FULL',
      outcome: 'not-executed',
    });
    await subscriber.subscribe(created, take);
    await until('what waited', () => got.length === 20);
    t.is((await publisher.depth(created, 'subscriber')).messages, 0);
  } finally {
    await server.client.config('SET', 'maxmemory', '0');
  }
  await publisher.publish(created, { id: 20 });
  await until('the next', () => got.length === 21);
});

test.serial('after everything was lost, groups and patterns are attached anew', async (t) => {
  const { node, ns } = house(t);
  const [publisher, subscriber] = [await node('publisher'), await node('subscriber')];
  const [named, matched] = [ids(), ids()];
  await subscriber.subscribe(created, named.take, { group: 'named' });
  await subscriber.subscribe('orders.*', (payload) => matched.take(payload as { id: number }), { group: 'matched' });
  await publisher.publish(created, { id: 1 });
  await until('both', () => named.got.length === 1 && matched.got.length === 1);
  const before = [publisher.id, subscriber.id];
  await server.client.unlink(...(await server.client.keys(`{${ns}:*`)));
  await until('both to have joined again', () => ![publisher.id, subscriber.id].some((id) => before.includes(id)));
  await until('the group to be there', async () => (await publisher.topics.list())[0]?.groups[0]?.group === 'named');
  await until('what is published to come', async () => {
    await publisher.publish(created, { id: 2 });
    return named.got.includes(2) && matched.got.includes(2);
  });
  t.deepEqual([named.got[0], matched.got[0]], [1, 1]);
});

test.serial('what strangers write where topics are kept hurts no other topic', async (t) => {
  const { node, ns } = house(t);
  const key = (name: string): string => `{${ns}:0}:${name}`;
  const [publisher, subscriber] = [await node('publisher'), await node('subscriber')];
  const { got, take } = ids();
  const matched: string[] = [];
  await subscriber.subscribe(kept, take, { group: 'good' });
  await subscriber.subscribe('>', (_payload, ctx) => matched.push(ctx.topic), { group: 'all' });
  const { client } = server;
  await client.zadd(key('topics'), 0, 'No Topic', 0, 'broken', 0, '@', 0, 'x'.repeat(300));
  await client.set(key('topic:broken'), 'not a hash');
  await client.hset(key('topic:odd'), 'total', 'NaN', 'g:x', 'nonsense', 'g:No Group', '|0|', 'bounds', 'a b c d');
  await client.zadd(key('topics'), 0, 'odd');
  await client.hset(key('topicpatterns'), 'nonsense', '1', '> ', '1', ' ', '1');
  await client.xadd(key('topiclog:orders.kept'), '*', 'what', 'ever');
  for (let id = 0; id < 5; id += 1) await publisher.publish(kept, { id });
  await until('all', () => got.length === 5);
  t.like(await t.throwsAsync(publisher.publish(topic('broken', order), { id: 1 })), { code: 'TRANSPORT' });
  await publisher.publish(topic('odd', order), { id: 1 });
  await subscriber.subscribe(kept, take, { group: 'late', from: 'oldest' });
  await until('what is kept', () => got.length === 10);
  t.true((await publisher.topics.list()).length >= 3);
  await client.set(key('mailbox:topic.orders.kept@good'), 'not a stream');
  const refused = await t.throwsAsync(publisher.publish(kept, { id: 6 }));
  t.like(refused, { code: 'TRANSPORT', outcome: 'not-executed' });
  t.is((await publisher.depth(kept, 'late')).messages, 0, 'nothing of it was written');
  await publisher.topics.drop(kept, 'good');
  await publisher.publish(kept, { id: 7 });
  await until('the others', () => got.includes(7));
  t.false(got.includes(6));
});

test.serial('one look at what has lapsed sees every lane, and more topics than a page holds', async (t) => {
  const { ns } = house(t);
  const peer = await TestNode.joined({ url: server.url, lanes: 4 }, ns, 'peer');
  t.teardown(() => peer.end());
  const { topics } = peer.link;
  const names = Array.from({ length: 300 }, (_, index) => `old.t${index}`);
  for (const name of names) {
    await topics.attach(name, 'forgotten');
    const retention = { messages: 1_000, bytes: 1_000_000, ms: 1 };
    await topics.publish({ topic: name, number: 1, frame: Buffer.from('old'), count: 1, retention });
  }
  const published = peer.link.now();
  await until('it to be too old', () => peer.link.now() > published + 5);
  const { dropped } = await topics.lapse();
  t.deepEqual(dropped.map(({ topic: name }) => name).toSorted(), names.toSorted());
});

test.serial('what a node has dropped is told there once, also when it joins again', async (t) => {
  const { node, ns } = house(t);
  const dropper = await node('dropper');
  const told: string[] = [];
  dropper.on('groupDropped', ({ group }) => told.push(group));
  await (await dropper.subscribe(created, () => undefined, { group: 'gone' })).close();
  await dropper.topics.drop(created, 'gone');
  const before = dropper.id;
  await server.client.hdel(`{${ns}:0}:members`, before);
  await until('it to have joined again', () => dropper.id !== before && dropper.registry.nodes().includes(dropper.id));
  t.deepEqual(told, ['gone']);
});

test.serial('which group was forgotten is said until somebody has told of it', async (t) => {
  const { ns } = house(t);
  const peer = await TestNode.joined(server.url, ns, 'peer');
  t.teardown(() => peer.end());
  const { topics } = peer.link;
  const retention = { messages: 1, bytes: 1_000_000, ms: 60_000 };
  await topics.attach('t', 'forgotten');
  for (const number of [1, 2])
    await topics.publish({ topic: 't', number, frame: Buffer.from('frame'), count: 1, retention });
  t.deepEqual(await topics.lapse(), { dropped: [], filling: [] }, 'who has dropped it tells of it');
  const key = `{${ns}:0}:topic:t`;
  await server.client.hset(key, 'x:forgotten', '1 5 0 1000');
  const lost = { topic: 't', group: 'forgotten', messages: 1, bytes: 5, dead: 0 };
  for (let time = 0; time < 2; time += 1) t.deepEqual((await topics.lapse()).dropped, [lost]);
  await topics.told([lost]);
  t.deepEqual((await topics.lapse()).dropped, []);
  t.is(await server.client.hget(key, 'x:forgotten'), null);
});
