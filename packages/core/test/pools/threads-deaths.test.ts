/** What a handler does to its thread costs that one job, and nothing else. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { JobOutcome } from '../../src/serving/pool.ts';
import { error, job, LIMIT_MS, pool, run, SLACK_MS, until, value } from './harness.ts';

test.serial(
  'whatever kills a thread costs one job; queued ones and those of other threads are untouched',
  async (t) => {
    const threads = await pool(t, { threads: 2, maxHeapMb: 48 });
    await until('both threads are ready', () => threads.ready === 2);
    for (const [method, words] of Object.entries({
      exit: /exited with code 0/,
      exitSoon: /exited with code 3/,
      uncaught: /out of nowhere/,
      uncaughtNull: /null/,
      rejectUnhandled: /nobody waits for this/,
      oom: /ran out of heap \(maxHeapMb: 48\)/,
    })) {
      const long = run(threads, 'sleep', { ms: 60 });
      const fatal = run(threads, method, {});
      const queued = Array.from({ length: 20 }, (_, a) => run(threads, 'add', { a, b: 0 }));
      const died = error(await fatal);
      t.like(died, { code: 'WORKER', retryable: true, outcome: 'failed' }, method);
      t.regex(died.message, words);
      t.is(value(await long), 60);
      t.deepEqual(
        (await Promise.all(queued)).map(value),
        Array.from({ length: 20 }, (_, a) => a),
      );
      await until('the thread is replaced', () => threads.ready === 2);
    }
  },
);

test.serial('a full stack is an error of the handler; its thread lives', async (t) => {
  const threads = await pool(t);
  t.like(error(await run(threads, 'overflow')), { code: 'HANDLER', name: 'RangeError' });
  t.like(value(await run(threads, 'who')), { handled: 1 });
  t.is(threads.ready, 1);
});

for (const method of ['spin', 'atomicsWait', 'neverEnds']) {
  test.serial(`${method}: a job that does not end is ended at its limit`, async (t) => {
    const threads = await pool(t, { killGraceMs: 50 });
    await run(threads, 'add', { a: 1 });
    const { outcome, tookMs } = await timed(() => run(threads, method, undefined, 200));
    t.like(error(outcome), { code: 'HANDLER_TIMEOUT', retryable: true, outcome: 'failed' });
    within(t, tookMs, 250);
    t.is(value(await run(threads, 'add', { a: 1 })), 2);
  });
}

test.serial(
  'a job inside a synchronous system call ends at its limit, and its seat is filled though the thread lives on',
  async (t) => {
    const threads = await pool(t, { killGraceMs: 20 });
    const { outcome, tookMs } = await timed(() => run(threads, 'systemCall', undefined, 100));
    t.is(error(outcome).code, 'HANDLER_TIMEOUT');
    within(t, tookMs, 120);
    t.is(value(await run(threads, 'add', { a: 1 })), 2);
  },
);

test.serial('the deadline of a message counts even when the limit is longer', async (t) => {
  const threads = await pool(t, { killGraceMs: 50 });
  const { outcome, tookMs } = await timed(() =>
    threads.run(job('spin', undefined, { deadline: 1, remainingMs: 150 }), { limitMs: LIMIT_MS }),
  );
  t.is(error(outcome).code, 'HANDLER_TIMEOUT');
  within(t, tookMs, 200);
});

test.serial('at the limit the signal aborts first: a handler that heeds it keeps its thread', async (t) => {
  const threads = await pool(t, { killGraceMs: 5_000 });
  t.like(error(await run(threads, 'untilAborted', undefined, 50)), { code: 'HANDLER_TIMEOUT' });
  t.is(value(await run(threads, 'spinUntilAborted', undefined, 50)), 'HANDLER_TIMEOUT');
  t.like(value(await run(threads, 'who')), { handled: 1 });
});

test.serial('an abort that comes with the limit counts as the limit', async (t) => {
  const threads = await pool(t, { killGraceMs: 20 });
  await run(threads, 'add', { a: 1 });
  const outcome = await new Promise<JobOutcome>((resolve) => {
    const running = threads.start(job('spin'), 200, resolve);
    setTimeout(() => running.abort(), 200);
  });
  t.like(error(outcome), { code: 'HANDLER_TIMEOUT', retryable: true });
});

test.serial('an abort reaches a running handler; one that ignores it is ended', async (t) => {
  const threads = await pool(t, { killGraceMs: 50 });
  for (const [method, grace] of [
    ['untilAborted', 0],
    ['spin', 50],
  ] as const) {
    const controller = new AbortController();
    const running = threads.run(job(method), { limitMs: LIMIT_MS, signal: controller.signal });
    await until('it is running', () => threads.running === 1);
    const { outcome, tookMs } = await timed(() => {
      controller.abort();
      return running;
    });
    t.like(error(outcome), { code: 'ABORTED', outcome: 'failed', retryable: true });
    within(t, tookMs, grace);
  }
});

test.serial(
  'an abort before the beginning ends a job at once, not executed, and its neighbours never notice',
  async (t) => {
    const threads = await pool(t);
    const controller = new AbortController();
    const first = run(threads, 'sleep', { ms: 100 });
    const aborted = Array.from({ length: 50 }, () =>
      threads.run(job('exit', {}), { limitMs: LIMIT_MS, signal: controller.signal }),
    );
    const last = run(threads, 'add', { a: 1 });
    controller.abort();
    for (const outcome of await Promise.all(aborted))
      t.like(error(outcome), { code: 'ABORTED', outcome: 'not-executed' });
    t.is(value(await first), 100);
    t.is(value(await last), 2);
    t.like(error(await threads.run(job('add'), { limitMs: LIMIT_MS, signal: controller.signal })), {
      outcome: 'not-executed',
    });
  },
);

test.serial('a job that finds no thread in time ends not executed, by its deadline or its limit', async (t) => {
  const threads = await pool(t);
  const busy = run(threads, 'sleep', { ms: 300 });
  const late = await threads.run(job('exit', {}, { deadline: 1, remainingMs: 50 }), { limitMs: LIMIT_MS });
  t.like(error(late), { code: 'CALL_TIMEOUT', outcome: 'not-executed' });
  t.like(error(await run(threads, 'exit', {}, 50)), { code: 'WORKER', outcome: 'not-executed', retryable: true });
  t.is(value(await busy), 300);
});

test.serial('a thread that dies while it runs nothing is replaced and costs nothing', async (t) => {
  const threads = await pool(t);
  await run(threads, 'throwLater');
  await until('it has died', () => threads.ready === 0);
  t.is(value(await run(threads, 'add', { a: 1 })), 2);
});

test.serial('a thread whose event loop an earlier job keeps busy is found out and replaced', async (t) => {
  const threads = await pool(t);
  await run(threads, 'blockLater');
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.is(value(await run(threads, 'add', { a: 1 })), 2);
});

test.serial(
  'short jobs handed over ahead of time do not wait behind a long one when another thread is free',
  async (t) => {
    const threads = await pool(t, { threads: 2 });
    await until('both threads are ready', () => threads.ready === 2);
    for (let round = 0; round < 50; round += 1)
      await Promise.all([run(threads, 'add', { a: 1 }), run(threads, 'add', { a: 1 })]);
    const spinning = run(threads, 'spin', undefined, 1_000);
    const { tookMs } = await timed(() => Promise.all(Array.from({ length: 40 }, () => run(threads, 'add', { a: 1 }))));
    t.true(tookMs < 900, `took ${tookMs} ms`);
    t.is(error(await spinning).code, 'HANDLER_TIMEOUT');
  },
);

test.serial('several async jobs share a thread when asked to', async (t) => {
  const threads = await pool(t, { perThread: 8 });
  const { tookMs } = await timed(() =>
    Promise.all(Array.from({ length: 16 }, () => run(threads, 'sleep', { ms: 100 }))),
  );
  t.true(tookMs < 1_500, `took ${tookMs} ms`);
  const outcomes = await Promise.all([run(threads, 'sleep', { ms: 5_000 }), run(threads, 'exitSoon')]);
  for (const outcome of outcomes) t.is(error(outcome).code, 'WORKER');
});

async function timed<T>(work: () => Promise<T>): Promise<{ outcome: T; tookMs: number }> {
  const start = performance.now();
  const outcome = await work();
  return { outcome, tookMs: performance.now() - start };
}

/** Ended when it should: at once by the clock, up to `SLACK_MS` later where others keep the processors busy. */
function within(t: ExecutionContext, tookMs: number, leastMs: number): void {
  t.log(`due after ${leastMs} ms, ended after ${Math.round(tookMs)} ms`);
  t.true(
    tookMs >= leastMs - 10 && tookMs <= leastMs + SLACK_MS,
    `took ${tookMs} ms, not ${leastMs} to ${leastMs + SLACK_MS}`,
  );
}

test.serial('a process with a dying pool gets no unhandled rejection and no warning, and ends by itself', async (t) => {
  const script = fileURLToPath(new URL('./fixtures/dying-pool.js', import.meta.url));
  const child = spawn(process.execPath, ['--unhandled-rejections=strict', '--trace-warnings', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit').then(([status]) => status as number),
  ]);
  t.deepEqual(
    { code, stdout, stderr },
    { code: 0, stdout: 'WORKER WORKER WORKER HANDLER_TIMEOUT WORKER ok ok\n', stderr: '' },
  );
});
