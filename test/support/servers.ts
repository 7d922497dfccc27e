/** Service processes of one test, and the Redis between them; all of it ends with the test. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createNode, type ActorNode, type NodeOptions } from 'homeostat';
import { QUICK } from './echo.ts';
import { endsWithUs } from './keeper.ts';
import { RedisProcess } from './redis-process.ts';

/** Nodes complain of what the tests do to them. */
process.env['LOG_LEVEL'] = process.env['HOUSE_LOG_LEVEL'] ?? 'silent';

export interface Server {
  /** Of its node. */
  readonly id: string;
  readonly child: ChildProcess;
}

export class Servers {
  readonly redis: RedisProcess;
  readonly #children: ChildProcess[] = [];
  readonly #nodes: ActorNode[] = [];

  private constructor(redis: RedisProcess) {
    this.redis = redis;
  }

  static async open(): Promise<Servers> {
    return new Servers(await RedisProcess.start());
  }

  /** A service in a process of its own, once it serves. */
  async start(name: string, more: Readonly<Record<string, string>> = {}, program = 'server.js'): Promise<Server> {
    const env = { ...process.env, ...more, REDIS_URL: this.redis.url, NAMESPACE: 'house', NAME: name };
    const child = fork(fileURLToPath(new URL(program, import.meta.url)), {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    endsWithUs(child);
    this.#children.push(child);
    const [{ ready }] = (await once(child, 'message')) as [{ ready: string }];
    return { id: ready, child };
  }

  /** A node in the process of the test. */
  async node(name: string, options: NodeOptions = {}): Promise<ActorNode> {
    const node = await createNode({
      redis: this.redis.url,
      namespace: 'house',
      name,
      beat: QUICK,
      signals: false,
      ...options,
    });
    this.#nodes.push(node);
    return node;
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGCONT');
    for (const node of this.#nodes) await node.close({ drainMs: 100 });
    for (const child of this.#children) child.kill('SIGKILL');
    await this.redis.stop();
  }
}

/** Ends a process and waits until it has. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
