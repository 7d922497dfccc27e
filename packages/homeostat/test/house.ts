/** A Redis of the test's own, and the command line: in this process, and as one of its own. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { main } from '../src/cli/main.ts';
import { waitFor } from '../src/testing.ts';

const START_MS = 10_000;
const RUN_MS = 30_000;
const CLI: string = fileURLToPath(new URL('../src/cli.js', import.meta.url));

export interface RedisServer {
  readonly url: string;
  end(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'homeostat-cli-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
  const child = spawn(executable(), args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await waitFor(() => answers(port), { withinMs: START_MS, what: 'Redis to start' });
  return {
    url: `redis://127.0.0.1:${port}`,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Nobody listens there. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `homeostat …words` as a process; -1 is the code of one that was ended by a signal. */
export function homeostat(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { LOG_LEVEL: _, REDIS_URL: __, ...own } = process.env;
  return new Promise((resolve) => {
    const options = { env: { ...own, ...env }, timeout: RUN_MS };
    const child = execFile(process.execPath, [CLI, ...words], options, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

export interface CommandLine {
  run(...words: string[]): Promise<Ended>;
  /** What a verb says with `--json`, having ended well. */
  json<Data>(t: ExecutionContext, ...words: string[]): Promise<Data>;
  /** What a verb says to people, having ended well. */
  text(t: ExecutionContext, ...words: string[]): Promise<string>;
  refused(t: ExecutionContext, code: string, ...words: string[]): Promise<void>;
}

/** What `homeostat …words` says and answers, without the time that a process takes to start. */
async function said(words: readonly string[]): Promise<Ended> {
  let [out, err] = ['', ''];
  const code = await main(words, {
    out: (text) => (out += text),
    err: (text) => (err += text),
    redis: undefined,
    logs: false,
    untilInterrupted: () => Promise.reject(new Error(`homeostat ${words.join(' ')} goes on: start it as a process`)),
  });
  return { code, out, err };
}

/** Runs verbs in one namespace; the Redis may start later. */
export function commandLine(namespace: string, redis: () => RedisServer): CommandLine {
  const run = (...words: string[]): Promise<Ended> =>
    said(['--redis', redis().url, '--namespace', namespace, ...words]);
  const text = async (t: ExecutionContext, ...words: string[]): Promise<string> => {
    const { code, out, err } = await run(...words);
    t.is(err, '', words.join(' '));
    t.is(code, 0, words.join(' '));
    return out;
  };
  return {
    run,
    text,
    json: async <Data>(t: ExecutionContext, ...words: string[]) =>
      JSON.parse(await text(t, '--json', ...words)) as Data,
    refused: async (t, code, ...words) => {
      const ended = await run('--json', ...words);
      t.is(ended.code, 1, words.join(' '));
      t.is(ended.out, '', words.join(' '));
      t.is((JSON.parse(ended.err) as { error: { code: string } }).error.code, code, words.join(' '));
    },
  };
}

/** One that goes on until it is told to end. */
export interface Going {
  /** What it has said so far, line by line. Throws what it has said is wrong. */
  lines(): readonly string[];
  end(signal: 'SIGINT' | 'SIGTERM'): Promise<Ended>;
}

export function startHomeostat(words: readonly string[]): Going {
  const { LOG_LEVEL: _, REDIS_URL: __, ...env } = process.env;
  const child = spawn(process.execPath, [CLI, ...words], { env, timeout: RUN_MS, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, out, err })));
  return {
    lines: () => {
      if (err !== '') throw new Error(`homeostat ${words.join(' ')}: ${err}`);
      return out.split('\n').slice(0, -1);
    },
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

function executable(): string {
  const given = process.env['REDIS_SERVER'];
  if (given !== undefined && given !== '') return given;
  for (const name of ['redis-server', 'valkey-server']) if (spawnSync(name, ['--version']).status === 0) return name;
  throw new Error('no redis-server or valkey-server on the PATH; set REDIS_SERVER');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
  });
}
