/** A Redis of the test's own, and the command line as a process beside it. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
