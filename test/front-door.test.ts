/** createNode of the front door: which backend it takes, and what it says of a wrong one. */
import test from 'ava';
import { z } from 'zod';
import { actor, ConfigError, contract, createNode, memory, TransportError } from 'homeostat';
import { removeNamespace } from './support/clean.ts';

const echo = contract('echo', { methods: { say: { input: z.string(), output: z.string() } } });

test('without redis a node runs on the memory backend, and says so', async (t) => {
  await using node = await createNode({ signals: false });
  await node.serve(actor(echo, { say: (text) => text }));
  t.is(await node.client(echo).say('hello'), 'hello');
  t.is((await node.link()).name, 'memory');
});

test('redis and backend together are refused', async (t) => {
  const error = await t.throwsAsync(createNode({ redis: 'redis://127.0.0.1:1', backend: memory() }), {
    instanceOf: ConfigError,
  });
  t.regex(error?.message ?? '', /either redis or backend/);
});

test('a wrong redis option is refused by its path, without its value', async (t) => {
  const error = await t.throwsAsync(createNode({ redis: { url: 'http://user:secret@host', lanes: 1 } }), {
    instanceOf: ConfigError,
  });
  t.regex(error?.message ?? '', /url: must begin with redis:/);
  t.notRegex(error?.message ?? '', /secret/);
});

test('a Redis that is not there is named, without its password', async (t) => {
  const error = await t.throwsAsync(createNode({ redis: 'redis://user:secret@127.0.0.1:1' }), {
    instanceOf: TransportError,
  });
  t.regex(error?.message ?? '', /cannot reach Redis at 127\.0\.0\.1:1: ECONNREFUSED/);
  t.notRegex(error?.message ?? '', /secret/);
  t.is(error?.code, 'TRANSPORT');
});

const { REDIS_URL } = process.env;
const onRedis = REDIS_URL === undefined ? test.skip : test;

onRedis('with redis two nodes talk, and the backend is named without secrets', async (t) => {
  const namespace = `front-door-${process.pid}`;
  t.teardown(() => removeNamespace(REDIS_URL!, namespace));
  await using one = await createNode({ redis: REDIS_URL!, namespace, signals: false });
  await using two = await createNode({ redis: { url: REDIS_URL! }, namespace, signals: false });
  await one.serve(actor(echo, { say: (text, ctx) => `${text} ${ctx.caller === two.id}` }));
  t.is(await two.client(echo).say('hello'), 'hello true');
  t.regex((await two.link()).name, /^redis [^@]+$/);
});
