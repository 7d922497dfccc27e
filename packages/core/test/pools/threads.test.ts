/** What a thread pool answers: values, errors, and the context that handlers see. */
import test from 'ava';
import { encodeBody } from '../../src/wire/frame.ts';
import { error, fixture, HARD, job, keepingLog, LIMIT_MS, pool, run, until, value } from './harness.ts';

test('a sync and an async handler answer through a thread', async (t) => {
  const threads = await pool(t);
  t.is(value(await run(threads, 'add', { a: 1, b: 2 })), 3);
  t.deepEqual(value(await run(threads, 'echoLater', { a: [1n, null, 'x'] })), { a: [1n, null, 'x'] });
});

test('the module tells what it serves without being loaded in the parent', async (t) => {
  const { served } = await pool(t);
  t.is(served.name, 'hard');
  t.is(served.mailbox, 'hard@2');
  t.is(served.version, '2.1.0');
  t.deepEqual(served.methods['who'], { kind: 'query', timeoutMs: 1_234 });
  t.is(served.methods['exit']?.kind, 'command');
  t.is(served.policy.concurrency, 64);
});

test('undefined, null, dates, binary data and 1 MiB travel both ways', async (t) => {
  const threads = await pool(t);
  for (const sent of [undefined, null, 0, '', new Date(5), Buffer.from('bytes'), 'x'.repeat(1024 * 1024)]) {
    t.deepEqual(value(await run(threads, 'echo', sent)), sent);
  }
});

test('the body given to a job stays whole: only a copy goes to the thread', async (t) => {
  const threads = await pool(t);
  const frame = Buffer.alloc(1024);
  const body = encodeBody({ a: 20, b: 22 }, 1024)!;
  frame.set(body, 100);
  const view = frame.subarray(100, 100 + body.length);
  const first = await threads.run({ ...job('add'), body: view }, { limitMs: LIMIT_MS });
  t.is(value(first), 42);
  t.is(frame.length, 1024);
  t.deepEqual(new Uint8Array(view), body);
});

test('the thread parses the input, defaults included, and refuses what does not fit', async (t) => {
  const threads = await pool(t);
  t.is(value(await run(threads, 'add', { a: 1 })), 2);
  const refused = error(await run(threads, 'add', { a: 'one' }));
  t.is(refused.code, 'VALIDATION');
  t.is(refused.outcome, 'not-executed');
  t.is(refused.side, 'input');
  t.deepEqual(refused.issues?.[0]?.path, ['a']);
});

test('an answer that does not fit its schema, or cannot travel, is a failure of the handler', async (t) => {
  const threads = await pool(t);
  const expected = { badOutput: 'OUTPUT_INVALID', unsendable: 'SERIALIZATION', tooLarge: 'PAYLOAD_TOO_LARGE' };
  for (const [method, code] of Object.entries(expected)) {
    const { code: actual, outcome } = error(await run(threads, method));
    t.deepEqual({ actual, outcome }, { actual: code, outcome: 'failed' });
  }
  t.is(value(await run(threads, 'add', { a: 1 })), 2);
});

test('anything thrown becomes plain data', async (t) => {
  const threads = await pool(t);
  t.like(error(await run(threads, 'throwNull')), { code: 'HANDLER', retryable: true, outcome: 'failed' });
  t.like(error(await run(threads, 'throwGetters')), { code: 'HANDLER', retryable: true, outcome: 'failed' });
  t.like(error(await run(threads, 'throwPlain')), {
    code: 'OUT_OF_STOCK',
    message: 'out of stock',
    details: { left: 0 },
  });
  t.like(error(await run(threads, 'fails')), { code: 'NO_ROOM', details: { left: 3 }, retryable: false });
  t.like(error(await run(threads, 'failsOddly')), { code: 'ODD', message: 'odd', details: undefined });
  t.is(threads.ready, 1);
});

test('a method that the contract does not name is not found', async (t) => {
  const threads = await pool(t);
  t.like(error(await run(threads, 'toString')), { code: 'METHOD_NOT_FOUND', outcome: 'not-executed' });
});

test('bytes that are no value are refused in the thread', async (t) => {
  const threads = await pool(t);
  const outcome = await threads.run({ ...job('echo'), body: new Uint8Array([0xdc, 0xff]) }, { limitMs: LIMIT_MS });
  t.is(error(outcome).code, 'FRAME_INVALID');
});

test('a handler sees its message', async (t) => {
  const threads = await pool(t);
  const context = {
    messageId: 'a/7.1',
    attempt: 2,
    deadline: Date.now() + 5_000,
    remainingMs: 5_000,
    caller: 'node-9',
    key: 'user:1',
    headers: { trace: 'x' },
  };
  const { remainingMs: _, ...seen } = context;
  const outcome = await threads.run(job('who', undefined, context), { limitMs: LIMIT_MS });
  t.like(value(outcome), { ...seen, method: 'who', aborted: false });
});

test('a handler in a thread cannot call, and is told what to do instead', async (t) => {
  const threads = await pool(t);
  const { code, message } = error(await run(threads, 'calls'));
  t.is(code, 'NOT_IN_THREAD');
  t.regex(message, /async pool/);
});

test('log lines of a handler reach the log of the pool, whatever they hold', async (t) => {
  const log = keepingLog();
  const threads = await pool(t, { log });
  await run(threads, 'logs');
  await until('both lines have come', () => log.lines.length === 2);
  t.is(log.lines[0]?.message, 'hello you');
  t.regex(String(log.lines[0]?.bindings['shown']), /user: 1/);
  t.deepEqual(log.lines[1], { level: 'warn', bindings: { part: 'b' }, message: 'plain' });
});

test('the environment of the threads is a copy, or what is given', async (t) => {
  const inherited = value(await run(await pool(t), 'environment')) as Record<string, string>;
  t.is(inherited['PATH'], process.env['PATH']);
  t.deepEqual(value(await run(await pool(t, { env: { ONLY: 'this' } }), 'environment')), { ONLY: 'this' });
});

test('wrong options, missing files and modules that do not load are config errors that name the cause', async (t) => {
  const fails = async (options: Parameters<typeof pool>[1], message: RegExp): Promise<void> => {
    const thrown = await t.throwsAsync(pool(t, options), { message });
    t.is((thrown as Error & { code?: string }).code, 'CONFIG');
  };
  await fails({ threads: 0 }, /thread pool\.threads/);
  await fails({ module: 'nowhere.js' }, /file: URL/);
  await fails({ module: new URL('https://example.com/x.js') }, /file: URL/);
  await fails({ module: fixture('absent') }, /there is no file .*absent/);
  await fails({ workerFile: new URL('absent.js', HARD) }, /bundled.*external/);
  await fails({ module: fixture('throws') }, /no such database/);
  await fails({ module: fixture('no') }, /default export .* must be an actor/);
  await fails({ module: fixture('stuck'), loadMs: 500 }, /did not load within 500 ms/);
  await fails({ execArgv: ['--no-such-option'] }, /no-such-option/);
});
