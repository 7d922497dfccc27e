/** Where a crash test plays: a Redis, services and a caller as processes of their own, proxies between them. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNode, type ActorNode } from 'homeostat';
import { check, type Allowances, type Findings, type Remains } from './checker.ts';
import { readHistory, type Happening } from './history.ts';
import { Proxy } from './proxy.ts';
import { RedisProcess } from './redis-process.ts';
import { BEAT, work } from './work.ts';

export interface StageOptions {
  readonly services?: number;
  /** Requests a second. */
  readonly rate?: number;
  /** Where the programs lie that are run; a mutated build brings its own. */
  readonly programs?: string;
  readonly concurrency?: number;
}

/** A drained stage must be empty within this, ms. */
const DRAIN_MS = 20_000;
let stages = 0;

export class Stage {
  readonly redis: RedisProcess;
  /** Between the caller and Redis. */
  readonly callerProxy: Proxy;
  /** Between the services and Redis. */
  readonly serviceProxy: Proxy;
  readonly services: ChildProcess[] = [];
  /** Set by a fault that may lose what was accepted before this moment. */
  lostBefore: number | undefined;
  readonly #options: StageOptions;
  readonly #namespace: string;
  readonly #history: string;
  #caller: ChildProcess | undefined;
  #names = 0;

  private constructor(redis: RedisProcess, callerProxy: Proxy, serviceProxy: Proxy, options: StageOptions) {
    this.redis = redis;
    this.callerProxy = callerProxy;
    this.serviceProxy = serviceProxy;
    this.#options = options;
    stages += 1;
    this.#namespace = `crash-${process.pid}-${stages}`;
    this.#history = mkdtempSync(join(tmpdir(), 'homeostat-history-'));
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const redis = await RedisProcess.start();
    const stage = new Stage(redis, await Proxy.open(() => redis.port), await Proxy.open(() => redis.port), options);
    for (let started = 0; started < (options.services ?? 2); started += 1) await stage.startService();
    await stage.#startCaller();
    return stage;
  }

  history(): Happening[] {
    return readHistory(this.#history);
  }

  async startService(): Promise<ChildProcess> {
    const service = await this.#fork('service', this.serviceProxy);
    this.services.push(service);
    return service;
  }

  /** SIGKILL, and a fresh one in its place. */
  async killService(): Promise<void> {
    const victim = this.services.shift()!;
    const gone = once(victim, 'exit');
    victim.kill('SIGKILL');
    await gone;
    await this.startService();
  }

  /** Waits until `condition` holds for the history. */
  async until(what: string, condition: (history: readonly Happening[]) => boolean, withinMs = 15_000): Promise<void> {
    const end = performance.now() + withinMs;
    while (!condition(this.history())) {
      if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async waitFor(what: string, condition: () => boolean, withinMs = 15_000): Promise<void> {
    await this.until(what, condition, withinMs);
  }

  /** Ids of every member, as Redis has them. */
  memberIds(): Promise<string[]> {
    return this.redis.command<string[]>('HKEYS', `{${this.#namespace}:0}:members`);
  }

  /** Waits until something that was accepted from now on has been handled; answers how long that took, ms. */
  async steady(withinMs = 15_000): Promise<number> {
    const from = Date.now();
    const since = performance.now();
    await this.until(
      'a request accepted after the fault is handled',
      (history) => {
        const accepted = new Set(history.flatMap((one) => (one.type === 'ok' && one.at > from ? [one.id] : [])));
        return history.some((one) => one.type === 'end' && accepted.has(one.id));
      },
      withinMs,
    );
    return performance.now() - since;
  }

  /** Stops the load, waits until nothing is left to do, and says what is wrong. */
  async drain(allowed: Allowances): Promise<Findings> {
    const caller = this.#caller!;
    const stopped = once(caller, 'exit');
    caller.send('stop');
    await stopped;
    const node = await createNode({ redis: this.redis.url, namespace: this.#namespace, name: 'auditor', beat: BEAT });
    try {
      const remains = await this.#drained(node);
      return check(this.history(), remains, allowed);
    } finally {
      await node.close();
    }
  }

  async close(): Promise<void> {
    for (const child of [...this.services, this.#caller]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await this.callerProxy.close();
    await this.serviceProxy.close();
    await this.redis.stop();
    rmSync(this.#history, { recursive: true, force: true });
  }

  async #drained(node: ActorNode): Promise<Remains> {
    const end = performance.now() + DRAIN_MS;
    for (;;) {
      const { messages, bytes, waiting, pending } = await node.depth(work);
      if ((messages === 0 && waiting === 0 && pending === 0) || performance.now() > end) {
        const dead: string[] = [];
        for await (const letter of node.deadLetters(work).all())
          dead.push((letter.input as { id?: string } | undefined)?.id ?? letter.id);
        return { dead, messages, bytes, waiting, pending };
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #startCaller(): Promise<void> {
    this.#caller = await this.#fork('caller', this.callerProxy);
  }

  async #fork(program: 'service' | 'caller', proxy: Proxy): Promise<ChildProcess> {
    this.#names += 1;
    const folder = this.#options.programs ?? fileURLToPath(new URL('.', import.meta.url));
    const child = fork(join(folder, `${program}.js`), {
      env: {
        ...process.env,
        LOG_LEVEL: process.env['CRASH_LOG_LEVEL'] ?? 'silent',
        REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
        NAMESPACE: this.#namespace,
        HISTORY: this.#history,
        NAME: `${program}-${this.#names}`,
        RATE: String(this.#options.rate ?? 200),
        CONCURRENCY: String(this.#options.concurrency ?? 16),
      },
    });
    const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (message !== 'ready') throw new Error(`${program} did not start: exit ${String(message)}`);
    return child;
  }
}
