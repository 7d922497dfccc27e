/** How threads come and go: recycling, back-off, resizing, closing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { error, fixture, job, LIMIT_MS, pool, run, SLACK_MS, until, value } from './harness.ts';

test.serial('a thread is replaced after its share of jobs, and no job is lost by it', async (t) => {
  const threads = await pool(t, { recycleAfter: 20 });
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => run(threads, 'who')));
  const counts = outcomes.map((outcome) => (value(outcome) as { handled: number }).handled);
  t.true(counts.filter((handled) => handled === 1).length >= 3, 'fresh threads count anew');
  t.true(Math.max(...counts) < 40, `one thread had ${Math.max(...counts)} jobs`);
});

test.serial(
  'a module that crashes at load is tried again ever more rarely, and jobs wait or end not executed',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'homeostat-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'count');
    writeFileSync(file, '1 0');
    const threads = await pool(t, { module: fixture('crashing'), env: { COUNT_FILE: file } });
    const start = performance.now();
    const died = (): number => Number(readFileSync(file, 'utf8').split(' ')[1]);
    t.like(error(await run(threads, 'die')), { code: 'WORKER', outcome: 'failed' });
    t.like(error(await run(threads, 'live', undefined, 300)), {
      code: 'WORKER',
      outcome: 'not-executed',
      retryable: true,
    });
    await until('it has crashed three times', () => died() >= 3);
    const least = 100 * (2 ** (died() - 1) - 1);
    const tookMs = performance.now() - start;
    t.true(tookMs >= least, `${died()} crashes took ${tookMs} ms, not at least ${least}`);
    writeFileSync(file, '1 0');
    t.is(value(await run(threads, 'live')), undefined);
  },
);

test.serial('a pool grows and shrinks without losing a job', async (t) => {
  const threads = await pool(t);
  const before = Array.from({ length: 20 }, () => run(threads, 'sleep', { ms: 10 }));
  threads.resize(3);
  await until('all threads are ready', () => threads.ready === 3);
  const after = Array.from({ length: 20 }, () => run(threads, 'sleep', { ms: 10 }));
  threads.resize(1);
  for (const outcome of await Promise.all([...before, ...after])) t.is(value(outcome), 10);
  t.is(threads.ready, 1);
  threads.resize(2);
  await until('both threads are ready', () => threads.ready === 2);
  const deaf = [run(threads, 'spin', undefined, 300), run(threads, 'spin', undefined, 300)];
  await until('both are running', () => threads.running === 2);
  threads.resize(1);
  for (const outcome of await Promise.all(deaf)) t.is(error(outcome).code, 'HANDLER_TIMEOUT');
  t.throws(() => threads.resize(0), { message: /at least 1/ });
});

test.serial('closing lets running jobs end, and ends waiting ones not executed', async (t) => {
  const threads = await pool(t);
  const running = run(threads, 'sleep', { ms: 200 });
  const waiting = Array.from({ length: 5 }, () => run(threads, 'exit', {}));
  await until('the first is running', () => threads.running === 1);
  await threads.close(LIMIT_MS);
  t.is(value(await running), 200);
  for (const outcome of await Promise.all(waiting))
    t.like(error(outcome), { code: 'NODE_CLOSED', outcome: 'not-executed' });
  t.like(error(await run(threads, 'add', { a: 1 })), { code: 'NODE_CLOSED', outcome: 'not-executed' });
});

test.serial('closing ends what outlasts the grace, by its signal first', async (t) => {
  const threads = await pool(t, { threads: 2, killGraceMs: 200 });
  await until('both threads are ready', () => threads.ready === 2);
  const heedful = run(threads, 'spinUntilAborted');
  const deaf = run(threads, 'spin');
  await until('both are running', () => threads.running === 2);
  const start = performance.now();
  await threads.close(400);
  t.true(performance.now() - start < 400 + SLACK_MS);
  t.is(value(await heedful), 'NODE_CLOSED');
  t.like(error(await deaf), { code: 'WORKER', outcome: 'failed', retryable: true });
});

test.serial('closing with no grace ends everything at once', async (t) => {
  const threads = await pool(t);
  const deaf = run(threads, 'spin');
  await until('it is running', () => threads.running === 1);
  await Promise.all([threads.close(0), threads.close()]);
  t.is(error(await deaf).code, 'WORKER');
});

test.serial('nothing warns and nothing is left unhandled over many jobs with one signal and many deaths', async (t) => {
  const warnings: string[] = [];
  const heed = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', heed);
  t.teardown(() => process.off('warning', heed));
  const threads = await pool(t, { threads: 2 });
  const { signal } = new AbortController();
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      threads.run(n % 20 === 7 ? job('exit', { n: 1 }) : job('add', { a: n }), { limitMs: LIMIT_MS, signal }),
    ),
  );
  t.is(outcomes.filter(({ ok }) => !ok).length, 3);
  await threads.close();
  t.deepEqual(warnings, []);
});
