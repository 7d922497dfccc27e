import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ConfigError, HandlerError } from '@homeostat/core';
import { command, type CommandOptions } from '../../src/sinks/command.ts';
import { alert, contextOf } from './told.ts';

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'command-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Runs this as the program. */
const run = (program: string, more: Partial<CommandOptions> = {}, context = contextOf()): Promise<unknown> => {
  const { args = [], ...options } = more;
  const sink = command({ name: 'page', file: process.execPath, args: ['-e', program, ...args], ...options });
  return Promise.resolve(sink.handle(alert, context));
};

test('the program reads the notice on its stdin, with its arguments and environment, and no shell between', async (t) => {
  const file = join(await directory(t), 'told.json');
  const program = `
    const told = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
    const said = { told, argument: process.argv[1], own: process.env.SINK_ROOM, path: process.env.PATH !== undefined };
    require('node:fs').writeFileSync(process.env.SINK_FILE, JSON.stringify(said));
  `;
  const digest = { from: 1, to: 2, total: 7, groups: [] };
  const options = { args: ['$(echo x); *'], env: { SINK_ROOM: 'ops', SINK_FILE: file } };
  await run(program, options, contextOf({ digest }));
  const { told, ...said } = JSON.parse(await readFile(file, 'utf8')) as { told: object };
  t.deepEqual(said as unknown, { argument: '$(echo x); *', own: 'ops', path: true });
  t.like(told, { alert, notice: contextOf().notice, digest });
});

test('any exit code but 0 has failed, with the end of what it said on stderr', async (t) => {
  await t.notThrowsAsync(run('process.stdin.resume()'));
  await t.throwsAsync(run('console.error("no line"); process.exitCode = 3'), {
    instanceOf: HandlerError,
    message: 'page: exit code 3: no line',
  });
  const error = await t.throwsAsync(run('process.stderr.write("x".repeat(100000) + "the end", () => process.exit(1))'));
  t.is(error.message.length, 'page: exit code 1: '.length + 2_000);
  t.true(error.message.endsWith('the end'));
  await t.throwsAsync(run('process.kill(process.pid, "SIGKILL")'), { message: 'page: ended by SIGKILL' });
});

test('one that does not read its stdin may end well', async (t) => {
  const large = { ...alert, impact: 'x'.repeat(1_000_000) };
  const sink = command({ file: process.execPath, args: ['-e', 'process.exit(0)'] });
  await t.notThrowsAsync(async () => sink.handle(large, contextOf()));
});

test('a program that is not there has failed', async (t) => {
  const sink = command({ name: 'page', file: join(await directory(t), 'nothing') });
  await t.throwsAsync(async () => sink.handle(alert, contextOf()), { message: 'page: ENOENT' });
});

test('one that takes too long is ended, also when it does not want to', async (t) => {
  await t.throwsAsync(run('setInterval(() => {}, 1000)', { timeoutMs: 300 }), {
    message: 'page: still running after 300 ms',
  });
  const stubborn = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)';
  const startedAt = Date.now();
  await t.throwsAsync(run(stubborn, { timeoutMs: 500 }), { message: 'page: still running after 500 ms' });
  t.true(Date.now() - startedAt < 10_000);
});

test('one that is aborted is ended', async (t) => {
  const abort = new AbortController();
  const running = run('setInterval(() => {}, 1000)', {}, contextOf({ signal: abort.signal }));
  setTimeout(() => abort.abort(), 100);
  await t.throwsAsync(running, { message: 'page: aborted' });
});

test('a child of its own that keeps stderr open does not hold it up', async (t) => {
  t.timeout(20_000);
  const file = join(await directory(t), 'pid');
  // The child lives until the test ends it; its own end is for a test that was ended itself.
  const program = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 120000)'], {
      detached: true, stdio: ['ignore', 'ignore', 'inherit'],
    });
    require('node:fs').writeFileSync(process.env.PID_FILE, String(child.pid));
    process.exit(0);
  `;
  const childPid = async (): Promise<number> => Number(await readFile(file, 'utf8'));
  t.teardown(async () => {
    const pid = await childPid();
    if (pid > 0) process.kill(pid, 'SIGKILL'); // 0 would be this process and its group.
  });
  const startedAt = Date.now();
  await t.notThrowsAsync(run(program, { env: { PID_FILE: file } }));
  t.true(Date.now() - startedAt < 4_500);
  const pid = await childPid();
  t.true(pid > 0);
  t.notThrows(() => process.kill(pid, 0), 'the child still lives');
});

test('each command line is a group of its own', (t) => {
  t.regex(command({ file: '/usr/bin/page' }).name, /^command page [0-9a-f]{8}$/);
  t.not(command({ file: 'page', args: ['a'] }).name, command({ file: 'page', args: ['b'] }).name);
  t.like(command({ file: 'page', human: false, name: 'ops' }), { name: 'ops', human: false });
  t.true(command({ file: 'page' }).human);
});

test('wrong options are refused, each by its path', (t) => {
  const refused = (options: object): string =>
    t.throws(() => command(options as CommandOptions), { instanceOf: ConfigError }).message;
  t.regex(refused({}), /^command\.file: /);
  t.regex(refused({ file: '' }), /^command\.file: /);
  t.regex(refused({ file: 'x', args: 'y' }), /^command\.args: /);
  t.regex(refused({ file: 'x', env: { A: 1 } }), /^command\.env\.A: /);
  t.regex(refused({ file: 'x', timeoutMs: 0 }), /^command\.timeoutMs: /);
  t.regex(refused({ file: 'x', shell: true }), /shell/);
});
