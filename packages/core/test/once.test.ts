/** Ids where things go wrong: the backend is away, answers get lost, handlers do not stop; and in worker threads. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { z } from 'zod';
import { actor } from '../src/contract/actor.ts';
import { memory } from '../src/backends/memory.ts';
import type { Backend } from '../src/backend.ts';
import { contract } from '../src/contract/contract.ts';
import { createNode } from '../src/node/create-node.ts';
import type { ActorNode } from '../src/node/node.ts';
import { mayRetry } from '../src/resilience/retry-rules.ts';
import { TransportError } from '../src/ground/errors.ts';
import { stands } from '../src/serving/once/rules.ts';
import { faulty } from '../src/testing/faulty.ts';
import { jumpingClock, withClock } from '../src/testing/jumping-clock.ts';
import { waitFor } from '../src/testing/wait-for.ts';
import { Bench, claim, closeBenches, plain } from './dispatcher-bench.ts';

const log = pino({ level: 'silent' });
const till = contract('till', { methods: { pay: { input: z.number(), output: z.any() } } });
const mill = contract('mill', {
  methods: { grind: { input: z.object({ n: z.number() }), output: z.object({ n: z.number(), thread: z.number() }) } },
});
const MILL = new URL('fixtures/mill.actor.js', import.meta.url);

test.after.always('no timer is left', closeBenches);

async function nodeOn(t: ExecutionContext, backend: Backend, name = 'node'): Promise<ActorNode> {
  const node = await createNode({ backend, name, log, signals: false, beat: { intervalMs: 50, ttlMs: 60_000 } });
  t.teardown(() => node.close({ drainMs: 50 }));
  return node;
}

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 10_000, what });

/** Something to wait at. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

test.serial('an answer waits for a backend that is away, and is then kept and told', async (t) => {
  const backend = faulty(memory());
  const { opened, open } = gate();
  const runs: number[] = [];
  const server = await nodeOn(t, backend, 'server');
  const pay = async (n: number): Promise<number> => {
    await opened;
    return runs.push(n);
  };
  await server.serve(actor(till, { pay }));
  const api = (await nodeOn(t, backend, 'caller')).client(till);
  const calls = [api.pay(1, { id: 'x' }), api.pay(1, { id: 'x' })];
  await until('one to wait for the other', async () => (await server.depth(till)).messages === 1);
  backend.sleep();
  open();
  await until('it to have run', () => runs.length === 1);
  t.is(server.stats().processed, 1);
  backend.wake();
  t.deepEqual(await Promise.all(calls), [1, 1]);
  t.is(await api.pay(1, { id: 'x' }), 1);
  t.deepEqual(runs, [1]);
});

test.serial('beyond a thousand that wait for one id the others come back until it is answered (S4-29)', async (t) => {
  const backend = memory();
  const { opened, open } = gate();
  const runs: number[] = [];
  const server = await nodeOn(t, backend, 'server');
  const pay = async (n: number): Promise<number> => {
    runs.push(n);
    await opened;
    return 7;
  };
  await server.serve(actor(till, { pay }));
  const api = (await nodeOn(t, backend, 'caller')).client(till, { retry: false });
  // One caller alone may not have so many calls of a service under way.
  const other = (await nodeOn(t, backend, 'other')).client(till, { retry: false });
  const calls = Array.from({ length: 1_200 }, (_, n) => (n % 2 === 0 ? api : other).pay(n, { id: 'x' }));
  await until('a thousand to wait', async () => (await server.depth(till)).messages === 200);
  open();
  t.deepEqual(new Set(await Promise.all(calls)), new Set([7]));
  t.is(runs.length, 1);
});

test.serial('an id whose beginning or end got lost on the way still runs once', async (t) => {
  const backend = faulty(memory());
  const runs: number[] = [];
  const server = await nodeOn(t, backend, 'server');
  await server.serve(actor(till, { pay: (n) => runs.push(n) }));
  const api = (await nodeOn(t, backend, 'caller')).client(till);
  for (let n = 1; n <= 3; n += 1) {
    for (let drops = 0; drops < n; drops += 1) backend.dropNextReply('once');
    t.is(await api.pay(n, { id: `${n}` }), n);
    t.is(await api.pay(n, { id: `${n}` }), n);
  }
  t.deepEqual(runs, [1, 2, 3]);
});

test.serial('what is delivered twice is answered twice and run once', async (t) => {
  const backend = faulty(memory());
  const runs: number[] = [];
  const server = await nodeOn(t, backend, 'server');
  await server.serve(actor(till, { pay: (n) => runs.push(n) }));
  const caller = await nodeOn(t, backend, 'caller');
  backend.deliverTwice();
  t.is(await caller.client(till).pay(1, { id: 'x' }), 1);
  await until('the second answer', () => caller.stats().lateReplies === 1);
  t.deepEqual(runs, [1]);
});

test.serial('a handler that was given up holds its id until it has ended, and then answers', async (t) => {
  const clock = jumpingClock();
  const backend = withClock(memory(), clock);
  const { opened, open } = gate();
  const runs: number[] = [];
  const server = await nodeOn(t, backend, 'server');
  const pay = async (n: number): Promise<number> => {
    runs.push(n);
    await opened;
    return 42;
  };
  await server.serve(actor(till, { pay }));
  const api = server.client(till, { retry: false });
  const late = await api.pay.try(1, { id: 'x', timeoutMs: 50 });
  t.is(!late.ok && late.error.code, 'CALL_TIMEOUT');
  await clock.jump(10_000);
  await until('it to be given up', () => server.stats().inFlight === 0);
  const again = api.pay(2, { id: 'x' });
  await until('the second to wait', async () => (await server.depth(till)).messages === 0);
  t.deepEqual(runs, [1]);
  open();
  t.is(await again, 42);
  t.is(await api.pay(3, { id: 'x' }), 42);
  t.deepEqual(runs, [1]);
});

test.serial('an answer that cannot travel is a failure that stands', async (t) => {
  const runs: number[] = [];
  const server = await nodeOn(t, memory());
  await server.serve(actor(till, { pay: (n) => (runs.push(n), () => 'a function') }));
  const api = server.client(till);
  for (const _ of [1, 2]) {
    const refused = await api.pay.try(1, { id: 'x' });
    t.is(!refused.ok && refused.error.code, 'SERIALIZATION');
  }
  await api.pay.cast(1, { id: 'y' });
  await until('the cast to be done', async () => (await server.depth(till)).messages === 0);
  t.is((await server.depth(till)).dead, 0);
  t.deepEqual(runs, [1, 1]);
});

test.serial('what runs in threads runs once too', async (t) => {
  t.timeout(60_000);
  const node = await nodeOn(t, memory());
  await node.serve(MILL, { pool: 'threads', threads: 1 });
  const api = node.client(mill, { timeoutMs: 20_000 });
  const first = await api.grind({ n: 21 }, { id: 'x' });
  t.is(first.n, 42);
  t.deepEqual(await api.grind({ n: 1 }, { id: 'x' }), first, 'the answer of the first, whatever is asked');
});

test('two messages of a node to a mailbox never have the same name', async (t) => {
  const names: string[] = [];
  const server = await nodeOn(t, memory());
  await server.serve(actor(till, { pay: (_n, ctx) => names.push(ctx.messageId) }));
  const api = server.client(till, { delivery: 'remote' });
  for (const node of [undefined, server.id, undefined, server.id]) await api.pay(1, { node });
  t.is(new Set(names).size, 4);
});

test('what stands is what would end the same again', (t) => {
  const error = { code: 'NO', message: '', retryable: false, outcome: 'failed' } as const;
  const call = { stopped: false, isCall: true, atMostOnce: false };
  t.true(stands(error, call));
  t.false(stands({ ...error, retryable: true }, call));
  t.false(stands(error, { ...call, isCall: false }), 'a dead letter can be replayed');
  t.true(stands(error, { ...call, isCall: false, atMostOnce: true }));
  t.true(stands(error, { ...call, stopped: true }));
  t.false(stands({ ...error, code: 'ABORTED' }, { ...call, stopped: true }));
  t.true(stands({ ...error, code: 'ABORTED' }, call));
});

test('what runs at most once is sent again only when it has surely not run', (t) => {
  const lost = new TransportError('away');
  t.true(mayRetry(lost, { kind: 'command', id: 'x' }));
  t.false(mayRetry(lost, { kind: 'command', id: undefined }));
  t.false(mayRetry(lost, { kind: 'query', id: 'x', atMostOnce: true }));
  t.true(
    mayRetry(new TransportError('away', { outcome: 'not-executed' }), {
      kind: 'command',
      id: undefined,
      atMostOnce: true,
    }),
  );
});

test('at most once: settled, then run; what others held is not run; what is not surely settled neither', async (t) => {
  const seen: string[] = [];
  const atMostOnce = new Set(['run', 'ask']);
  const bench = new Bench(plain(seen), { atMostOnce });
  const [fresh, held, packed] = [
    claim('ask', ['a'], { calls: true }),
    claim('ask', ['b'], { calls: true, crashes: 1 }),
    claim('run', ['c', 'd', 'e'], { todo: '101' }),
  ];
  bench.dispatcher.take([fresh, held, packed]);
  await bench.until('both answers', () => bench.answers.length === 2);
  await bench.settler.settled();
  await bench.dispatcher.drained();
  t.deepEqual(new Set(seen), new Set(['a', 'c', 'e']));
  t.deepEqual(bench.told(fresh.id), ['done']);
  t.is(bench.answers.filter(({ error }) => error).length, 1);
  t.is((bench.bodies.find((body) => body !== 'a') as { code: string }).code, 'NODE_DIED');
  t.deepEqual(bench.told(packed.id), ['progress 001', 'done'], 'each before it ran, whoever packed them');
  const lost = new Bench(plain(seen), { atMostOnce });
  lost.settle = async (batch) => batch.map(() => 'lost');
  lost.dispatcher.take([claim('ask', ['f'], { calls: true }), claim('run', ['g'])]);
  await lost.until('the refusal', () => lost.answers.length === 1);
  await lost.dispatcher.drained();
  t.deepEqual([lost.answers[0]?.error, (lost.bodies[0] as { code: string }).code], [true, 'NOT_SETTLED']);
  t.is(seen.length, 3);
});

test('a call that is cancelled while it is settled first is not run', async (t) => {
  const seen: string[] = [];
  const { opened, open } = gate();
  const bench = new Bench(plain(seen), { atMostOnce: new Set(['ask']) });
  bench.settle = async (batch) => opened.then(() => batch.map(() => 'settled'));
  bench.dispatcher.take([claim('ask', ['a'], { calls: true })]);
  t.true(bench.dispatcher.cancel('caller-1', 1), 'it is under way here');
  open();
  await bench.dispatcher.drained();
  t.deepEqual([seen, bench.answers], [[], []]);
});
