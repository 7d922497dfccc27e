import { Buffer } from 'node:buffer';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { z } from 'zod';
import { memory } from '../src/backends/memory.ts';
import type { Client } from '../src/calling/client.ts';
import { contract } from '../src/contract/contract.ts';
import { type HomeostatError, ValidationError } from '../src/ground/errors.ts';
import { createNode } from '../src/node/create-node.ts';
import type { ActorNode } from '../src/node/node.ts';
import { waitFor } from '../src/testing/wait-for.ts';

const mill = contract('mill', {
  methods: {
    grind: {
      input: z.object({ n: z.number(), times: z.number().optional() }),
      output: z.object({ n: z.number(), thread: z.number() }),
    },
    echo: { input: z.any(), output: z.any() },
    refuse: { errors: { BROKEN: z.object({ part: z.string() }) } },
    dieOnce: { output: z.number() },
    die: {},
    spin: {},
    slow: { input: z.number(), output: z.number() },
    wrong: {},
  },
});

const MODULE = new URL('fixtures/mill.actor.js', import.meta.url);
const log = pino({ level: 'silent' });

async function served(t: ExecutionContext): Promise<{ node: ActorNode; api: Client<typeof mill.methods> }> {
  t.timeout(60_000);
  const node = await createNode({ backend: memory(), name: 'mill', log, signals: false });
  t.teardown(() => node.close({ drainMs: 500 }));
  await node.serve(MODULE, { pool: 'threads', threads: 1 });
  return { node, api: node.client(mill, { timeoutMs: 20_000 }) };
}

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 20_000, what });
const failure = (promise: Promise<unknown>): Promise<HomeostatError> =>
  promise.then(
    () => Promise.reject(new Error('it should fail')),
    (error: HomeostatError) => error,
  );

test.serial('what a thread handles is parsed, run and checked there', async (t) => {
  const { node, api } = await served(t);
  const { n, thread } = await api.grind({ n: 21 });
  t.is(n, 42);
  t.true(thread > 0, 'not on the main thread');
  const bytes = Buffer.alloc(1024 * 1024, 3);
  t.is(Buffer.compare((await api.echo(bytes)) as Uint8Array, bytes), 0);
  t.deepEqual(await api.echo({ at: new Date(5), big: 2n ** 60n, none: null }), {
    at: new Date(5),
    big: 2n ** 60n,
    none: null,
  });
  t.is(await api.echo(undefined), undefined);
  const refused = await failure(api.refuse());
  t.deepEqual([refused.code, refused.outcome, refused.details], ['BROKEN', 'failed', { part: 'wheel' }]);
  const loose = contract('mill', { methods: { grind: { input: z.any() } } });
  t.true((await failure(node.client(loose).grind({ n: 'x' }))) instanceof ValidationError);
  t.is((await failure(api.wrong())).code, 'METHOD_NOT_FOUND');
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => api.grind({ n: index, times: 1 })));
  t.deepEqual(
    answers.map((answer) => answer.n),
    Array.from({ length: 200 }, (_, index) => index),
  );
});

test.serial('a thread that dies costs a call one delivery', async (t) => {
  const { node, api } = await served(t);
  t.is(await api.dieOnce(), 2);
  t.is((await api.grind({ n: 1 })).n, 2);
  const error = await failure(api.die());
  t.is(error.code, 'WORKER');
  t.is(node.stats().redelivered, 3, 'one of the first, two of the other');
  await until('the mailbox to be empty', async () => (await node.depth(mill)).messages === 0);
});

test.serial('a cast that kills its thread each time is kept with its history, and nothing else is lost', async (t) => {
  const { node, api } = await served(t);
  const others = Array.from({ length: 10 }, (_, n) => api.grind({ n, times: 1 }));
  await api.die.cast();
  await until('the dead letter', async () => (await node.deadLetters(mill).list()).length === 1);
  const [letter] = await node.deadLetters(mill).list();
  t.deepEqual(
    [letter?.reason, letter?.deliveries, letter?.history.map(({ attempt }) => attempt)],
    ['WORKER', 3, [1, 2, 3]],
  );
  t.is((await Promise.all(others)).length, 10);
});

test.serial('a thread that loops for ever is ended at the deadline, and the next call is answered', async (t) => {
  const { node, api } = await served(t);
  t.is((await failure(node.client(mill).spin(undefined, { timeoutMs: 300 }))).code, 'CALL_TIMEOUT');
  t.is((await api.grind({ n: 2 })).n, 4);
  await until('nothing to run any more', () => node.stats().inFlight === 0);
});

test.serial('closing waits for what runs in threads', async (t) => {
  const { node, api } = await served(t);
  const slow = api.slow(300);
  await until('it to run', () => node.stats().inFlight === 1);
  await node.close({ drainMs: 10_000 });
  t.is(await slow, 300);
});

test.serial('a module that is no actor is refused with its name', async (t) => {
  const node = await createNode({ backend: memory(), log, signals: false });
  t.teardown(() => node.close());
  for (const [module, message] of [
    [new URL('fixtures/nowhere.js', import.meta.url), /nowhere\.js cannot be loaded/],
    [new URL('../src/ground/errors.js', import.meta.url), /default export of .*errors\.js must be/],
  ] as const) {
    for (const pool of ['async', 'threads'] as const) {
      const error = await failure(node.serve(module, pool === 'threads' ? { pool, threads: 1 } : { pool }));
      t.is(error.code, 'CONFIG');
      t.regex(error.message, message);
    }
  }
});
