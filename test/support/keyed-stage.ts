/** Where the crash tests of keyed actors play: a Redis, services as processes of their own, and the sender in the test. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { actor, createNode, type ActorNode, type Client } from 'homeostat';
import { audit, ledger, TOLD_EVERY, type Page } from './keyed-work.ts';
import { Program } from './program.ts';
import { RedisProcess } from './redis-process.ts';
import { BEAT } from './work.ts';

/** Nodes complain of what the tests do to them. */
process.env['LOG_LEVEL'] = process.env['CRASH_LOG_LEVEL'] ?? 'silent';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const POLL_MS = 20;
let stages = 0;

export class KeyedStage {
  readonly redis: RedisProcess;
  readonly services: Program[] = [];
  /** `key n` of what was told, each as often as it was. */
  readonly told: Map<string, number> = new Map();
  readonly #namespace: string;
  readonly #programs: string;
  #node: ActorNode | undefined;
  #started = 0;

  private constructor(redis: RedisProcess, programs: string) {
    this.redis = redis;
    this.#programs = programs;
    stages += 1;
    this.#namespace = `keyed-${process.pid}-${stages}`;
  }

  /** @param programs where the services' program lies; a mutated build brings its own. */
  static async open(services: number, programs: string = HERE): Promise<KeyedStage> {
    const stage = new KeyedStage(await RedisProcess.start(), programs);
    try {
      await Promise.all(Array.from({ length: services }, () => stage.start()));
      await stage.#openNode();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get node(): ActorNode {
    if (this.#node === undefined) throw new Error('the stage is not open');
    return this.#node;
  }

  get api(): Client<typeof ledger.methods> {
    return this.node.client(ledger, { timeoutMs: 60_000 });
  }

  async start(): Promise<Program> {
    this.#started += 1;
    const env = { REDIS_URL: this.redis.url, NAMESPACE: this.#namespace };
    const service = await Program.start(join(this.#programs, 'keyed-service.js'), `ledger-${this.#started}`, env);
    this.services.push(service);
    return service;
  }

  async kill(service: Program): Promise<void> {
    this.services.splice(this.services.indexOf(service), 1);
    await service.end('SIGKILL', () => service.kill('SIGKILL'));
  }

  async until(what: string, condition: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!(await condition())) {
      if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Messages that have not been handled. */
  async depth(): Promise<number> {
    return (await this.node.depth(ledger)).messages;
  }

  /** Partitions that a service owns. */
  async owned({ name }: Program): Promise<number> {
    const owners = await this.redis.command<string[]>('HVALS', `{${this.#namespace}:0}:owners:${ledger.mailbox}`);
    return owners.filter((owner) => owner.startsWith(`${name}-`)).length;
  }

  /** Services that are seen. */
  serving(): number {
    return this.node.registry.instances(ledger.name).length;
  }

  /** Waits until everything has been handled, then says what is wrong. */
  async faults(keys: readonly string[], messages: number, withinMs: number): Promise<string[]> {
    const found: string[] = [];
    try {
      await this.until('the mailbox is empty', async () => (await this.depth()) === 0, withinMs);
    } catch (error) {
      found.push(String(error));
    }
    const { dead } = await this.node.depth(ledger);
    if (dead > 0) found.push(`${dead} dead letters`);
    for (const key of keys) found.push(...faultsOf(key, await this.api.read(undefined, { key }), messages));
    const expected = keys.length * Math.ceil(messages / TOLD_EVERY);
    try {
      await this.until('everything was told on', () => this.told.size >= expected, withinMs);
    } catch {
      found.push(`told ${this.told.size} of ${expected}`);
    }
    for (const [what, times] of this.told) if (times !== 1) found.push(`told ${times} times: ${what}`);
    return found;
  }

  async close(): Promise<void> {
    for (const { child } of this.services) child.kill('SIGCONT');
    await this.#node?.close({ drainMs: 100 });
    for (const service of [...this.services]) await this.kill(service);
    await this.redis.stop();
  }

  async #openNode(): Promise<void> {
    this.#node = await createNode({
      redis: this.redis.url,
      namespace: this.#namespace,
      name: 'sender',
      beat: BEAT,
      signals: false,
    });
    await this.#node.serve(
      actor(audit, {
        applied: ({ key, n }) => {
          const what = `${key} ${n}`;
          this.told.set(what, (this.told.get(what) ?? 0) + 1);
        },
      }),
    );
  }
}

function faultsOf(key: string, { last, count, faults }: Page, messages: number): string[] {
  const found = faults.map((fault) => `${key}: out of order: ${fault}`);
  if (count !== messages) found.push(`${key}: applied ${count} times instead of ${messages}`);
  if (last !== messages - 1) found.push(`${key}: the last is ${last}, not ${messages - 1}`);
  return found;
}
