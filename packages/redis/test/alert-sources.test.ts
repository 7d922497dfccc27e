/** What the sources of alerts feel of a real Redis. */
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { contract, createNode, type ActorNode, type Alert, type NodeOptions } from '@homeostat/core';
import { z } from 'zod';
import { redis } from '../src/index.ts';
import { until } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

const BEAT = { intervalMs: 100, ttlMs: 1_000, stallMs: 300, evictMs: 20_000 };
const MIB = 1_048_576;
const users = contract('users', { methods: { tell: { input: z.string() } } });

async function started(t: ExecutionContext, args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis({ args });
  t.teardown(() => server.end());
  return server;
}

async function node(t: ExecutionContext, { url }: RedisServer, options: NodeOptions = {}): Promise<ActorNode> {
  const made = await createNode({
    name: 'a',
    backend: redis(url),
    signals: false,
    beat: BEAT,
    drainMs: 50,
    alerts: {
      sources: {
        lookMs: 50,
        memory: false,
        cpu: false,
        connections: false,
        backendMemory: { calmMs: 500 },
      },
    },
    ...options,
  });
  t.teardown(() => made.close());
  return made;
}

async function alertOf(one: ActorNode, kind: string): Promise<Alert | undefined> {
  return (await one.alerts.list({ kind }))[0];
}

test.serial('what Redis uses of its memory comes with the beat, and hurts as it fills', async (t) => {
  const server = await started(t);
  const one = await node(t, server);
  await until('the figure', async () => (await one.link()).memory !== undefined);
  const before = (await one.link()).memory!;
  t.is(before.max, 0, 'no limit, and nothing is full');
  await server.client.config('SET', 'maxmemory', String(Math.round(before.used * 1.15)));
  await until('the pain', async () => (await alertOf(one, 'redis-full'))?.state === 'open', 20_000);
  const alert = await alertOf(one, 'redis-full');
  t.true(alert?.severity === 'medium' || alert?.severity === 'high', 'Redis itself needs some of it meanwhile');
  await server.client.config('SET', 'maxmemory', String(before.used * 10));
  await until('it to be over', async () => (await alertOf(one, 'redis-full'))?.state === 'resolved', 20_000);
});

test.serial(
  'a Redis that refuses for want of memory is a critical alert at once, told through that same Redis',
  async (t) => {
    const server = await started(t);
    const one = await node(t, server);
    const other = await node(t, server, { name: 'b' });
    const heard: Alert[] = [];
    other.alerts.subscribe({ level: 's5' }, (alert) => void heard.push(alert));
    await server.client.config('SET', 'maxmemory', String(3 * MIB));
    const text = 'x'.repeat(100_000);
    let error: unknown;
    for (let n = 0; n < 200 && error === undefined; n += 1)
      await one
        .client(users)
        .tell.cast(text, { timeoutMs: 2_000 })
        .catch((thrown: unknown) => (error = thrown));
    t.is((error as { code: string }).code, 'BACKEND_FULL');
    await until('the other to hear of it', () => heard.some(({ kind }) => kind === 'redis-full'));
    t.like(
      heard.find(({ kind }) => kind === 'redis-full'),
      { severity: 'critical' },
    );
    await server.client.config('SET', 'maxmemory', '0');
    await until('it to be over', async () => (await alertOf(one, 'redis-full'))?.state === 'cleared-unacked', 20_000);
  },
);

test.serial('a main thread that hangs hurts by the mouth of others while it hangs', async (t) => {
  const server = await started(t);
  const one = await node(t, server);
  const worker = new Worker(new URL('fixtures/hanging-node.js', import.meta.url), {
    workerData: { url: server.url, beat: BEAT },
  });
  t.teardown(() => worker.terminate());
  await until('it to be seen', () => one.registry.instances('users').length === 1);
  worker.postMessage('hang');
  await until('the pain', async () => (await alertOf(one, 'event-loop'))?.state === 'open', 5_000);
  const alert = await alertOf(one, 'event-loop');
  t.like(alert, { severity: 'high', message: alert!.message });
  t.regex(alert!.message, /hanger.*its main thread does not answer/);
  t.is(alert?.source.nodeId, one.id);
  await until('it to be over', async () => (await alertOf(one, 'event-loop'))?.state === 'resolved', 60_000);
});
