import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { actor, type Actor, type Context } from '../src/contract/actor.ts';
import { contract } from '../src/contract/contract.ts';
import { createPool } from '../src/serving/create-pool.ts';
import { Aborted, ActorError, NodeClosed, type HomeostatError } from '../src/ground/errors.ts';
import type { LocalRun } from '../src/serving/local-call.ts';
import { sleep } from '../src/ground/loop.ts';
import { PING } from '../src/calling/ping.ts';
import { serveOptions } from '../src/serving/serve.ts';
import { keepingLog } from './pools/harness.ts';
import { Bench, claim, closeBenches, waiting, type Work } from './dispatcher-bench.ts';

test.after.always('no timer is left', closeBenches);

interface Sent {
  readonly answer: Promise<unknown>;
  readonly run: LocalRun;
}

function send(
  bench: Bench,
  method: string,
  body: unknown,
  facts: { timeoutMs?: number; headers?: Record<string, string>; key?: string; maxBodyBytes?: number } = {},
): Sent {
  const { timeoutMs = 60_000, ...rest } = facts;
  let run: LocalRun | undefined;
  const answer = new Promise((resolve, reject) => {
    run = bench.dispatcher.runLocal(
      { method, body, deadline: bench.clock.now() + timeoutMs, ...rest },
      resolve,
      reject,
    );
  });
  answer.catch(() => undefined);
  return { answer, run: run! };
}

async function failure(t: ExecutionContext, { answer }: Sent): Promise<HomeostatError> {
  return await t.throwsAsync<HomeostatError>(answer);
}

const open = contract('work', {
  methods: { run: { input: z.any() }, ask: { input: z.any(), output: z.any() } },
});

function serving(ask: (input: unknown, ctx: Context) => unknown, concurrency = 4): Actor<Work> {
  return actor(open, { run: () => undefined, ask }, { concurrency }) as unknown as Actor<Work>;
}

test('a local call is handled as if it had travelled, without a word to the backend (S2-12)', async (t) => {
  let seen: Context | undefined;
  let given: { list: number[]; at: Date } | undefined;
  const answered = { list: [0] };
  const bench = new Bench(
    serving((input, ctx) => {
      seen = ctx;
      given = input as typeof given;
      given!.list.push(4);
      return answered;
    }),
  );
  const body = { list: [1, 2, 3], at: new Date(5) };
  const answer = await send(bench, 'ask', body, { headers: { a: 'b' }, key: 'k' }).answer;
  t.deepEqual(given, { list: [1, 2, 3, 4], at: new Date(5) });
  t.deepEqual(body.list, [1, 2, 3], 'caller and handler share no object');
  t.deepEqual(answer, answered);
  t.not(answer, answered);
  t.like(seen, { attempt: 1, caller: 'me-1', messageId: 'me-1/local.1', method: 'ask', key: 'k', headers: { a: 'b' } });
  await send(bench, 'run', undefined).answer;
  t.deepEqual(bench.settled, []);
  t.deepEqual(bench.answers, []);
  t.is(bench.stats.processed, 2);
  t.is(bench.dispatcher.inFlight, 0);
  t.deepEqual(
    [...bench.dispatcher.times.entries()].map(([method]) => method),
    ['ask', 'run'],
  );
});

test('what cannot travel, does not fit or is not known fails a local call as it would any other', async (t) => {
  const { served } = waiting();
  const bench = new Bench(served);
  const codes: string[] = [];
  for (const sent of [
    send(bench, 'ask', () => 1),
    send(bench, 'ask', 'x'.repeat(200), { maxBodyBytes: 100 }),
    send(bench, 'ask', 5),
    send(bench, 'other', 'x'),
    send(bench, 'ask', 'x', { timeoutMs: -1 }),
  ]) {
    const error = await failure(t, sent);
    t.is(error.outcome, 'not-executed', error.code);
    codes.push(error.code);
  }
  t.deepEqual(codes, ['SERIALIZATION', 'PAYLOAD_TOO_LARGE', 'VALIDATION', 'METHOD_NOT_FOUND', 'CALL_TIMEOUT']);
  t.is(bench.stats.expired, 1);
  const wild = new Bench(serving(() => () => 1));
  t.like(await failure(t, send(wild, 'ask', 'x')), { code: 'SERIALIZATION', outcome: 'failed' });
  t.is(wild.dispatcher.inFlight, 0);
});

test('a handler that throws fails its local call; the error shares nothing with what was thrown', async (t) => {
  const details = { deep: [1] };
  const bench = new Bench(
    serving((input) => {
      if (input === 'odd') throw Object.assign(new Error('odd'), { code: 'ODD', details: () => 1 });
      throw new ActorError('TAKEN', 'taken', { details });
    }),
  );
  const error = await failure(t, send(bench, 'ask', 'x'));
  t.like(error, { code: 'TAKEN', outcome: 'failed', details: { deep: [1] } });
  t.not(error.details, details);
  t.like(await failure(t, send(bench, 'ask', 'odd')), { code: 'ODD', details: undefined });
  t.is(bench.stats.failed, 2);
});

test('local calls and deliveries take the same places, in turn, and wait for them (S2-13)', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 1 });
  const bench = new Bench(served);
  t.true(bench.dispatcher.hasRoom(0.7));
  const first = send(bench, 'ask', 'local 1');
  t.true(first.run.started);
  t.false(bench.dispatcher.hasRoom(1), 'saturated: it goes to the mailbox');
  bench.dispatcher.take([claim('run', ['mail 1']), claim('run', ['mail 2'])]);
  const more = [send(bench, 'ask', 'local 2'), send(bench, 'ask', 'local 3')];
  t.false(more[0]!.run.started);
  const order = ['local 1', 'mail 1', 'local 2', 'mail 2', 'local 3'];
  for (const [index, text] of order.entries()) {
    await bench.until(`${text} to run`, () => seen.length > index);
    t.is(bench.dispatcher.inFlight, 1);
    go(seen[index]!);
  }
  t.deepEqual(await Promise.all([first, ...more].map(({ answer }) => answer)), ['local 1', 'local 2', 'local 3']);
  t.deepEqual(seen, order);
  await bench.dispatcher.drained();
  t.is(bench.dispatcher.inFlight, 0);
});

test('there is room as long as the load is below what is asked for (S2-13)', async (t) => {
  const { served, go } = waiting({ concurrency: 10 });
  const bench = new Bench(served);
  for (let n = 0; n < 7; n += 1) {
    t.true(bench.dispatcher.hasRoom(0.7), `${n} of 10 run`);
    bench.dispatcher.take([claim('run', [`t${n}`])]);
  }
  t.false(bench.dispatcher.hasRoom(0.7));
  t.true(bench.dispatcher.hasRoom(0.8));
  bench.dispatcher.pause('sick');
  t.false(bench.dispatcher.hasRoom(1));
  bench.dispatcher.resume();
  for (let n = 0; n < 7; n += 1) go(`t${n}`);
  await bench.dispatcher.drained();
});

test('at its deadline a local call ends for its caller; its handler is told to stop and keeps its place until it does', async (t) => {
  let aborted = false;
  let end = (): void => undefined;
  const bench = new Bench(
    serving((_input, ctx) => {
      ctx.signal.addEventListener('abort', () => (aborted = true));
      return new Promise<void>((resolve) => (end = resolve));
    }, 1),
  );
  const slow = send(bench, 'ask', 'slow', { timeoutMs: 40 });
  const waits = send(bench, 'ask', 'waits', { timeoutMs: 20 });
  t.like(await failure(t, waits), { code: 'CALL_TIMEOUT', outcome: 'not-executed' });
  t.false(waits.run.started);
  t.like(await failure(t, slow), { code: 'CALL_TIMEOUT', outcome: 'unknown' });
  t.true(aborted);
  t.is(bench.dispatcher.inFlight, 1);
  t.is(bench.stats.expired, 1);
  end();
  await bench.dispatcher.drained();
  t.is(bench.dispatcher.inFlight, 0);
});

test('a caller that does not want its local call any more is told so at once, and its handler too', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 1 });
  const bench = new Bench(served);
  const runs = send(bench, 'ask', 'runs');
  const waits = send(bench, 'ask', 'waits');
  for (const { run } of [runs, waits]) run.abort(new Aborted('test'));
  for (const sent of [runs, waits]) t.is((await failure(t, sent)).code, 'ABORTED');
  runs.run.abort(new Aborted('again'));
  t.is(bench.dispatcher.inFlight, 1, 'it has not ended yet');
  go('runs');
  await bench.dispatcher.drained();
  t.is(bench.dispatcher.inFlight, 0);
  t.deepEqual(seen, ['runs']);
});

test('a drain waits for local calls that run and refuses the others', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 1 });
  const bench = new Bench(served);
  const [runs, waits] = [send(bench, 'ask', 'runs'), send(bench, 'ask', 'waits')];
  await bench.dispatcher.stop();
  t.is((await failure(t, waits)).code, 'NODE_CLOSED');
  t.is((await failure(t, send(bench, 'ask', 'late'))).code, 'NODE_CLOSED');
  let drained = false;
  const draining = bench.dispatcher.drained().then(() => (drained = true));
  await sleep(20);
  t.false(drained);
  go('runs');
  t.is(await runs.answer, 'runs');
  await draining;
  t.deepEqual(seen, ['runs']);
});

test('what runs when the drain is over is given up', async (t) => {
  const { served, go } = waiting();
  const bench = new Bench(served);
  const runs = send(bench, 'ask', 'runs');
  await bench.dispatcher.stop();
  bench.dispatcher.giveUp(new NodeClosed('handler', 'unknown'));
  t.like(await failure(t, runs), { code: 'NODE_CLOSED', outcome: 'unknown' });
  await bench.dispatcher.drained();
  go('runs');
  await sleep(5);
  t.is(bench.dispatcher.inFlight, 0);
});

test('while its actor is paused a local call waits; a ping does not (S2-22)', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 1 });
  const bench = new Bench(served);
  bench.dispatcher.pause('sick');
  const call = send(bench, 'ask', 'a');
  const pong = (await send(bench, PING, undefined).answer) as { nodeId: string };
  t.is(pong.nodeId, 'me-1');
  t.deepEqual(seen, []);
  bench.dispatcher.resume();
  t.deepEqual(seen, ['a']);
  bench.dispatcher.pause('stuck');
  const ping = send(bench, PING, undefined, { timeoutMs: 30 });
  t.is((await failure(t, ping)).code, 'CALL_TIMEOUT', 'all its places are taken');
  const patient = send(bench, PING, undefined);
  go('a');
  t.is(await call.answer, 'a');
  t.like(await patient.answer, { nodeId: 'me-1' });
});

test('local calls run in threads too, and end there at their deadline', async (t) => {
  const log = keepingLog();
  const module = new URL('./fixtures/mill.actor.js', import.meta.url);
  const { default: mill } = (await import(module.href)) as { default: Actor };
  const pool = await createPool(mill, serveOptions({ pool: 'threads', threads: 1 }, module), 1024 * 1024, log);
  t.teardown(() => pool.close(0));
  const bench = new Bench(mill as unknown as Actor<Work>, {
    pool,
    methods: new Set(Object.keys(mill.contract.methods)),
  });
  t.deepEqual(await send(bench, 'echo', [2, 3]).answer, [2, 3]);
  t.like(await send(bench, PING, undefined).answer, { nodeId: 'me-1' });
  const spins = send(bench, 'spin', undefined, { timeoutMs: 100 });
  const ping = send(bench, PING, undefined, { timeoutMs: 50 });
  t.is((await failure(t, ping)).code, 'CALL_TIMEOUT', 'a stuck thread answers no ping');
  t.is((await failure(t, spins)).code, 'CALL_TIMEOUT');
  await bench.until('the thread to be ended', () => bench.dispatcher.inFlight === 0);
  t.is(await send(bench, 'echo', 'again').answer, 'again');
});
