import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { actor, type Actor } from '../src/contract/actor.ts';
import { contract } from '../src/contract/contract.ts';
import { createPool } from '../src/serving/create-pool.ts';
import { HomeostatError } from '../src/ground/errors.ts';
import type { Log } from '../src/ground/log.ts';
import { logging } from '../src/calling/logging.ts';
import { through, type ClientMiddleware, type ServerMiddleware } from '../src/calling/middleware.ts';
import { AsyncPool } from '../src/serving/pools/async.ts';
import { serveOptions } from '../src/serving/serve.ts';
import { Bench, claim, closeBenches, type Work } from './dispatcher-bench.ts';
import { keepingLog } from './pools/harness.ts';

test.after.always('no timer is left', closeBenches);

const open = contract('work', {
  methods: { run: { input: z.any() }, ask: { input: z.object({ n: z.number() }), output: z.any() } },
});

interface Rig {
  readonly bench: Bench;
  readonly seen: unknown[];
  ask(input: unknown, headers?: Record<string, string>): Promise<unknown>;
}

function rig(middleware: ServerMiddleware[], handler: (input: { n: number }) => unknown = (input) => input): Rig {
  const seen: unknown[] = [];
  const served = actor(open, {
    run: (input) => void seen.push(input),
    ask: (input) => {
      seen.push(input);
      return handler(input);
    },
  });
  const bench = new Bench(served as unknown as Actor<Work>, {
    pool: new AsyncPool(served, middleware),
  });
  return { bench, seen, ask: (input, headers) => answerOf(bench, 'ask', input, headers) };
}

/** The body of the answer: a value, or an error as it travels. */
async function answerOf(
  bench: Bench,
  method: string,
  input: unknown,
  headers?: Record<string, string>,
): Promise<unknown> {
  bench.dispatcher.take([claim(method, [input as string], { calls: true, ...(headers && { headers }) })]);
  await bench.dispatcher.drained();
  return bench.bodies.at(-1);
}

test('a header is seen by a middleware; one that throws makes an error reply, and no handler runs (S1-41)', async (t) => {
  const guard: ServerMiddleware = function guard({ actor: name, method, ctx }, next) {
    if (ctx.headers['token'] !== 'open sesame')
      throw new HomeostatError('FORBIDDEN', `${name}.${method} is not for you`, { details: { caller: ctx.caller } });
    return next();
  };
  const { bench, seen, ask } = rig([guard]);
  t.deepEqual(await ask({ n: 1 }, { token: 'open sesame' }), { n: 1 });
  t.like(await ask({ n: 2 }), {
    code: 'FORBIDDEN',
    message: 'middleware guard: work.ask is not for you',
    outcome: 'not-executed',
    retryable: false,
    details: { caller: 'caller-1' },
  });
  t.deepEqual(seen, [{ n: 1 }]);
  t.deepEqual(
    bench.answers.map(({ error }) => error),
    [false, true],
  );
  t.is(bench.stats.failed, 1);
});

test('validate, normalise, enrich: in order, the handler sees what comes out, an error names its stage (S3-38)', async (t) => {
  const order: string[] = [];
  const stage = (name: string, change: (input: Record<string, unknown>) => unknown): ServerMiddleware => {
    const middleware: ServerMiddleware = ({ input }, next) => {
      order.push(name);
      return next(change(input as Record<string, unknown>));
    };
    return Object.defineProperty(middleware, 'name', { value: name });
  };
  const { seen, ask } = rig([
    stage('validate', (input) => {
      if (!('n' in input)) throw new Error('n is missing');
      return input;
    }),
    stage('normalise', (input) => ({ ...input, n: Number(input['n']) })),
    stage('enrich', (input) => {
      if (input['n'] === 13) throw Object.assign(new Error('no luck'), { code: 'UNLUCKY' });
      return { ...input, n: (input['n'] as number) * 100 };
    }),
  ]);
  t.deepEqual(await ask({ n: '7' }), { n: 700 });
  t.deepEqual(seen, [{ n: 700 }]);
  t.deepEqual(order, ['validate', 'normalise', 'enrich']);
  t.like(await ask({}), { message: 'middleware validate: n is missing', outcome: 'not-executed' });
  t.like(await ask({ n: '13' }), { code: 'UNLUCKY', message: 'middleware enrich: no luck', outcome: 'not-executed' });
  t.is(seen.length, 1);
});

test('what a handler throws or parsing refuses passes through middleware as it is', async (t) => {
  const watched: unknown[] = [];
  const watch: ServerMiddleware = async (_request, next) => {
    try {
      return await next();
    } catch (thrown) {
      watched.push(thrown);
      throw thrown;
    }
  };
  const own = Object.assign(new Error('mine'), { code: 'MINE', outcome: 'not-executed' });
  const { ask } = rig([watch, watch], () => {
    throw own;
  });
  t.like(await ask({ n: 1 }), { code: 'MINE', message: 'mine', outcome: 'failed' });
  t.deepEqual(watched, [own, own]);
  t.like(await ask({ n: 'x' }), { code: 'VALIDATION', outcome: 'not-executed' });
});

test('what a middleware answers is the answer, and what it throws after the handler says that it ran', async (t) => {
  let late = false;
  const replace: ServerMiddleware = async (_request, next) => {
    const answer = await next();
    if (late) throw new HomeostatError('LATE', 'too late');
    return { replaced: answer };
  };
  const { ask, seen } = rig([replace]);
  t.deepEqual(await ask({ n: 1 }), { replaced: { n: 1 } });
  late = true;
  t.like(await ask({ n: 2 }), { code: 'LATE', message: 'middleware replace: too late', outcome: 'failed' });
  t.is(seen.length, 2);
  const cached = rig([() => 'from elsewhere']);
  t.is(await cached.ask({ n: 3 }), 'from elsewhere');
  t.deepEqual(cached.seen, []);
  const nameless = rig([
    (
      () => () =>
        Promise.reject(new Error('who?'))
    )(),
  ]);
  t.like(await nameless.ask({ n: 3 }), { message: 'middleware #1: who?' });
});

test('a handler whose time is over when its middleware comes to it is not run', async (t) => {
  let pass = (): void => undefined;
  const slow: ServerMiddleware = async (_request, next) => {
    await new Promise<void>((resolve) => (pass = resolve));
    return next();
  };
  const { bench, seen } = rig([slow]);
  bench.dispatcher.take([claim('ask', [{ n: 1 } as unknown as string], { calls: true })]);
  bench.dispatcher.giveUp(new HomeostatError('GIVEN_UP', 'given up'));
  pass();
  await bench.until('it to end', () => bench.dispatcher.inFlight === 0);
  t.deepEqual(seen, []);
});

test('middleware that is added later counts from then on, and none touches a ping', async (t) => {
  const stack: ServerMiddleware[] = [];
  const { bench, ask } = rig(stack);
  t.deepEqual(await ask({ n: 1 }), { n: 1 });
  stack.push(() => 'added');
  t.is(await ask({ n: 1 }), 'added');
  t.like(await answerOf(bench, '$ping', null), { nodeId: 'me-1' });
});

test('of a thread pool middleware runs on the main thread, around the pool (S3-38)', async (t) => {
  const { bench } = await threaded(t, [
    async function outer({ input, actor: name }, next) {
      const answer = await next({ ...(input as object), n: 5 });
      return { ...(answer as object), by: name };
    },
    function inner({ input }, next) {
      if ((input as { times?: number }).times === 0) throw new Error('no times');
      return next();
    },
  ]);
  t.like(await answerOf(bench, 'grind', { n: 1, times: 3 }), { n: 15, by: 'mill' });
  t.like(await answerOf(bench, 'grind', { n: 1, times: 0 }), { message: 'middleware inner: no times' });
  t.like(await answerOf(bench, 'grind', { n: 1, times: 'x' }), {
    code: 'VALIDATION',
    outcome: 'not-executed',
    side: 'input',
  });
  t.like(await answerOf(bench, 'refuse', {}), { code: 'BROKEN', outcome: 'failed', details: { part: 'wheel' } });
  t.like(await answerOf(bench, '$ping', null), { nodeId: 'me-1' });
});

test('a thread pool changes the number of its threads while it works (S3-14)', async (t) => {
  const { bench } = await threaded(t, [], 1);
  t.is(bench.dispatcher.concurrency, 1);
  bench.dispatcher.take(Array.from({ length: 3 }, () => claim('slow', [150 as unknown as string], { calls: true })));
  bench.dispatcher.resize(3);
  t.is(bench.dispatcher.concurrency, 3);
  t.is(bench.dispatcher.inFlight, 3);
  await bench.dispatcher.drained();
  t.is(bench.bodies.length, 3);
  bench.dispatcher.resize(1);
  t.is(bench.dispatcher.concurrency, 1);
  t.is(await answerOf(bench, 'slow', 1), 1);
});

async function threaded(
  t: ExecutionContext,
  middleware: ServerMiddleware[],
  threads = 1,
): Promise<{ bench: Bench; mill: Actor }> {
  const module = new URL('./fixtures/mill.actor.js', import.meta.url);
  const { default: mill } = (await import(module.href)) as { default: Actor };
  const serving = serveOptions({ pool: 'threads', threads }, module);
  const pool = await createPool(mill, serving, 1024 * 1024, keepingLog(), middleware);
  t.teardown(() => pool.close(0));
  const methods = new Set(Object.keys(mill.contract.methods));
  return { mill, bench: new Bench(mill as unknown as Actor<Work>, { pool, methods }) };
}

test('logging writes one line per call on each side, with the same cid, and no payload unless asked (S1-42)', async (t) => {
  for (const payload of [false, true]) {
    const log = keepingLog();
    const { client, server } = logging({ log: log as unknown as Log, payload });
    const { ask } = rig([server], ({ n }) => {
      if (n === 0) throw Object.assign(new Error('zero'), { code: 'ZERO' });
      return n;
    });
    const headers: Record<string, string> = {};
    const call = (n: number): Promise<unknown> =>
      through<Parameters<ClientMiddleware>[0]>(
        [client],
        { service: 'work', method: 'ask', input: { n }, headers },
        async ({ input }) => {
          const body = await ask(input, headers);
          if (n === 0) throw Object.assign(new Error('zero'), { code: 'ZERO' });
          return body;
        },
      );
    t.is(await call(4), 4);
    await t.throwsAsync(call(0), { message: 'zero' });
    const lines = log.lines.map(({ level, bindings }): Record<string, unknown> => ({ level, ...bindings }));
    t.deepEqual(
      lines.map(({ level, side, service, method, outcome }) => [level, side, service, method, outcome]),
      [
        ['info', 'server', 'work', 'ask', 'ok'],
        ['info', 'client', 'work', 'ask', 'ok'],
        ['info', 'server', 'work', 'ask', 'ZERO'],
        ['info', 'client', 'work', 'ask', 'ZERO'],
      ],
    );
    t.is(new Set(lines.map(({ cid }) => cid)).size, 1, 'both were given the same headers');
    for (const line of lines) {
      t.is(typeof line['ms'], 'number');
      t.is('input' in line, payload);
    }
    if (payload) t.like(lines[0], { input: { n: 4 }, answer: 4 });
  }
});

test('without the client side a line is known by the id of its message', async (t) => {
  const log = keepingLog();
  const { ask } = rig([logging({ log: log as unknown as Log }).server]);
  await ask({ n: 1 });
  t.regex(String(log.lines[0]!.bindings['cid']), /^caller-1\/\d+\.0$/);
});
