/** A Redis of the test's own: private port and directory, AOF on, ended by pid. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { endsWithUs } from './keeper.ts';

const BINARY: string = process.env['REDIS_SERVER'] ?? 'redis-server';

export class RedisProcess {
  readonly port: number;
  readonly #directory: string;
  #child: ChildProcess;
  #admin: Redis;

  private constructor(port: number, directory: string, child: ChildProcess, admin: Redis) {
    this.port = port;
    this.#directory = directory;
    this.#child = child;
    this.#admin = admin;
  }

  static async start(): Promise<RedisProcess> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'homeostat-redis-'));
    const redis = new RedisProcess(port, directory, run(port, directory), admin(port));
    await redis.answers();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  command<Reply = unknown>(...args: [string, ...(string | number)[]]): Promise<Reply> {
    return this.#admin.call(...args) as Promise<Reply>;
  }

  /** As `command`, with Buffers for texts. */
  binary<Reply = unknown>(...args: [string, ...(string | number | Buffer)[]]): Promise<Reply> {
    return this.#admin.callBuffer(...args) as Promise<Reply>;
  }

  /** Many commands in one go. */
  async batch(commands: readonly (string | Buffer)[][]): Promise<void> {
    for (const [error] of (await this.#admin.pipeline(commands as string[][]).exec()) ?? []) if (error) throw error;
  }

  /** Kills the server as a crash would; what had been appended to the AOF is there when it starts again. */
  async kill(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async restart(): Promise<void> {
    this.#child = run(this.port, this.#directory);
    await this.answers();
  }

  async answers(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        if ((await this.#admin.ping()) === 'PONG') return;
      } catch (error) {
        if (tries > 500) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<void> {
    this.#admin.disconnect();
    if (this.#child.exitCode === null) await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function run(port: number, directory: string): ChildProcess {
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: directory,
    save: '',
    appendonly: 'yes',
    // Every write reaches the page cache before it is answered, and that survives a SIGKILL. With `everysec` it may wait
    // up to 2 s behind an fsync under way, answered already: Redis itself would lose it, and the tests be about that.
    appendfsync: 'no',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(BINARY, args, { stdio: 'ignore' });
  endsWithUs(child);
  return child;
}

function admin(port: number): Redis {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    retryStrategy: () => 20,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
  });
  redis.on('error', () => {});
  return redis;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
