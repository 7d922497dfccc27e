/** A Redis of the test's own: on a free port, in its own directory, ended by its process id. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const START_MS = 10_000;

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** A plain client for looking and for making trouble. */
  readonly client: Redis;
  /** Ends the process at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again in the same directory. */
  start(): Promise<void>;
  /** Stops the process without ending it, and lets it go on. */
  pause(): void;
  resume(): void;
  end(): Promise<void>;
}

function executable(): string {
  const given = process.env['REDIS_SERVER'];
  if (given !== undefined && given !== '') return given;
  for (const name of ['redis-server', 'valkey-server']) if (spawnSync(name, ['--version']).status === 0) return name;
  throw new Error('no redis-server or valkey-server on the PATH; set REDIS_SERVER');
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export async function startRedis(
  options: { readonly appendOnly?: boolean; readonly args?: readonly string[] } = {},
): Promise<RedisServer> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'homeostat-redis-'));
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    options.appendOnly === true ? 'yes' : 'no',
    '--dir',
    dir,
    ...(options.args ?? []),
  ];
  let child: ChildProcess | undefined;
  const client = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    protocol: 2,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
    disableClientInfo: true,
  });
  client.on('error', () => undefined);

  const start = async (): Promise<void> => {
    child = spawn(executable(), args, { stdio: 'ignore' });
    const deadline = Date.now() + START_MS;
    for (;;) {
      const probe = new Redis({
        port,
        host: '127.0.0.1',
        lazyConnect: true,
        retryStrategy: () => null,
        disableClientInfo: true,
        maxLoadingRetryTime: 20,
      });
      probe.on('error', () => undefined);
      try {
        await probe.connect();
        probe.disconnect();
        return;
      } catch (error) {
        probe.disconnect();
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await ended;
  };
  await start();
  await client.connect();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    client,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    end: async () => {
      client.disconnect();
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
