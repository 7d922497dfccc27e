/** Where a crash test plays: a Redis, services and a caller as processes of their own, proxies between them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNode, type ActorNode } from 'homeostat';
import { check, type Allowances, type Findings, type Remains } from './checker.ts';
import { HistoryReader, type Happening } from './history.ts';
import { Program } from './program.ts';
import { Proxy } from './proxy.ts';
import { random, type Random } from './random.ts';
import { RedisProcess } from './redis-process.ts';
import { BEAT, work } from './work.ts';

export interface StageOptions {
  readonly services?: number;
  /** Requests a second. 0: no caller, the test sends for itself. */
  readonly rate?: number;
  /** Where the programs lie that are run; a mutated build brings its own. */
  readonly programs?: string;
  readonly concurrency?: number;
  /** How long the caller's calls wait, ms. Default 10 s. */
  readonly callMs?: number;
  /** A service that dies unexpectedly is replaced, and is no fault. */
  readonly respawn?: boolean;
  /** A drained stage must be empty within this, ms. Default 20 s. */
  readonly drainMs?: number;
  readonly seed?: number;
}

/** Faults make every process complain; the history tells what matters. */
process.env['LOG_LEVEL'] = process.env['CRASH_LOG_LEVEL'] ?? 'silent';

const DRAIN_MS = 20_000;
const POLL_MS = 10;
/** Of a service that replaces another. */
const MOST_STARTS = 5;
let stages = 0;

export class Stage {
  readonly redis: RedisProcess;
  /** Between the caller and Redis. */
  readonly callerProxy: Proxy;
  /** Between the services and Redis. */
  readonly serviceProxy: Proxy;
  /** Services that are to live. */
  readonly services: Program[] = [];
  readonly namespace: string;
  readonly folder: string;
  readonly random: Random;
  /** Stretches of time in which what was accepted may be lost; added to by faults that lose. */
  readonly losses: [from: number, to: number][] = [];
  /** Services that died and were replaced. */
  deaths = 0;
  readonly #options: StageOptions;
  readonly #reader: HistoryReader;
  readonly #troubles: Happening[] = [];
  readonly #programs: Program[] = [];
  readonly #nodes: ActorNode[] = [];
  #caller: Program | undefined;
  #started = 0;
  #respawning: Promise<unknown> = Promise.resolve();

  private constructor(redis: RedisProcess, callerProxy: Proxy, serviceProxy: Proxy, options: StageOptions) {
    this.redis = redis;
    this.callerProxy = callerProxy;
    this.serviceProxy = serviceProxy;
    this.random = random(options.seed);
    this.#options = options;
    stages += 1;
    this.namespace = `crash-${process.pid}-${stages}`;
    this.folder = mkdtempSync(join(tmpdir(), 'homeostat-history-'));
    this.#reader = new HistoryReader(this.folder);
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const redis = await RedisProcess.start();
    const stage = new Stage(redis, await Proxy.open(() => redis.port), await Proxy.open(() => redis.port), options);
    try {
      await Promise.all(Array.from({ length: options.services ?? 2 }, () => stage.startService()));
      if (options.rate !== 0) stage.#caller = await stage.#start('caller', stage.callerProxy);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  history(): readonly Happening[] {
    return this.#reader.read();
  }

  async startService(): Promise<Program> {
    const service = await this.#start('service', this.serviceProxy);
    this.services.push(service);
    return service;
  }

  /** Ends a service by a signal that must end it so. */
  async endService(service: Program, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.services.splice(this.services.indexOf(service), 1);
    await service.end(signal, () => service.kill(signal));
  }

  /** Ids whose handlers a service has started and not ended. */
  running(service: Program): string[] {
    const open = new Map<string, string>();
    for (const one of this.history()) {
      // Told apart by process, for a node may have another id at the end.
      if ((one.type !== 'start' && one.type !== 'end') || !service.owns(one.node)) continue;
      if (one.type === 'start') open.set(one.messageId, one.id);
      else open.delete(one.messageId);
    }
    return [...open.values()];
  }

  /** Waits until a service is in the middle of a handler, and answers which. */
  async busy(): Promise<Program> {
    let found: Program | undefined;
    await this.until('a service runs a handler', () => {
      found = this.services.find((service) => this.running(service).length > 0);
      return found !== undefined;
    });
    return found!;
  }

  /** Waits until `condition` holds for the history. */
  async until(what: string, condition: (history: readonly Happening[]) => boolean, withinMs = 15_000): Promise<void> {
    const end = performance.now() + withinMs;
    while (!condition(this.history())) {
      if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what} (seed ${this.random.seed})`);
      await pause(POLL_MS);
    }
  }

  /** Waits until an answer of Redis satisfies `condition`, and answers it. */
  async untilRedis<Reply>(
    what: string,
    command: [string, ...(string | number)[]],
    condition: (reply: Reply) => boolean,
    withinMs = 15_000,
  ): Promise<Reply> {
    const end = performance.now() + withinMs;
    for (;;) {
      const reply = await this.redis.command<Reply>(...command);
      if (condition(reply)) return reply;
      if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}: ${JSON.stringify(reply)}`);
      await pause(POLL_MS);
    }
  }

  /** A key of the one lane. */
  key(name: string): string {
    return `{${this.namespace}:0}:${name}`;
  }

  /** Ids of every member, as Redis has them. */
  memberIds(): Promise<string[]> {
    return this.redis.command<string[]>('HKEYS', this.key('members'));
  }

  /** Waits until something that was accepted from now on has been handled; answers how long that took, ms. */
  async steady(withinMs = 15_000): Promise<number> {
    const from = Date.now();
    const since = performance.now();
    await this.until(
      'a request accepted from now on is handled',
      (history) => {
        const accepted = new Set(history.flatMap((one) => (one.type === 'ok' && one.at > from ? [one.id] : [])));
        return history.some((one) => one.type === 'end' && accepted.has(one.id));
      },
      withinMs,
    );
    return performance.now() - since;
  }

  /** Waits until all that was accepted up to now has been handled, and answers what moment that was. */
  async caughtUp(): Promise<number> {
    const now = Date.now();
    await this.until('all that was accepted is handled', (history) => {
      const ended = new Set(history.flatMap((one) => (one.type === 'end' ? [one.id] : [])));
      return history.every((one) => one.type !== 'ok' || one.at > now || ended.has(one.id));
    });
    return now;
  }

  /** A node of the test's own; closed with the stage at the latest. */
  async node(name: string): Promise<ActorNode> {
    const { redis, namespace } = this;
    const node = await createNode({ redis: redis.url, namespace, name, beat: BEAT, signals: false });
    this.#nodes.push(node);
    return node;
  }

  /** Stops the load, waits until nothing is left to do, ends every process, and says what is wrong. */
  async drain(allowed: Allowances): Promise<Findings> {
    const caller = this.#caller;
    if (caller !== undefined) await caller.end('code 0', () => caller.child.send('stop'));
    const node = await this.node('auditor');
    let remains: Remains;
    try {
      remains = await this.#drained(node);
    } finally {
      await node.close();
    }
    await this.#respawning;
    await Promise.all(this.services.splice(0).map((one) => one.end('code 0', () => one.child.disconnect())));
    return check([...this.history(), ...this.#troubles], remains, {
      ...allowed,
      losses: [...(allowed.losses ?? []), ...this.losses],
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close({ drainMs: 0 })));
    await this.#respawning;
    await Promise.all(this.#programs.map((program) => program.end('SIGKILL', () => program.kill('SIGKILL'))));
    await this.callerProxy.close();
    await this.serviceProxy.close();
    await this.redis.stop();
    this.#reader.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #drained(node: ActorNode): Promise<Remains> {
    const end = performance.now() + (this.#options.drainMs ?? DRAIN_MS);
    for (;;) {
      const { messages, bytes, waiting, pending } = await node.depth(work);
      if ((messages === 0 && waiting === 0 && pending === 0) || performance.now() > end) {
        const dead: string[] = [];
        for await (const letter of node.deadLetters(work).all())
          dead.push((letter.input as { id?: string } | undefined)?.id ?? letter.id);
        return { dead, messages, bytes, waiting, pending };
      }
      await pause(50);
    }
  }

  /** What killed the one before may kill the next one, too, before it has said that it is ready. */
  async #replace(): Promise<void> {
    for (let left = MOST_STARTS; ; left -= 1) {
      try {
        await this.startService();
        return;
      } catch (error) {
        if (left === 1) throw error;
        this.deaths += 1;
      }
    }
  }

  async #start(kind: 'service' | 'caller', proxy: Proxy): Promise<Program> {
    const { programs, rate = 200, concurrency = 16, callMs = 10_000, respawn = false } = this.#options;
    const folder = programs ?? fileURLToPath(new URL('.', import.meta.url));
    this.#started += 1;
    const program = await Program.start(join(folder, `${kind}.js`), `${kind}-${this.#started}`, {
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      NAMESPACE: this.namespace,
      HISTORY: this.folder,
      RATE: String(rate),
      CONCURRENCY: String(concurrency),
      CALL_MS: String(callMs),
    });
    this.#programs.push(program);
    void program.ended.then((how) => {
      if (how === program.expected) return;
      const at = this.services.indexOf(program);
      if (at >= 0) this.services.splice(at, 1);
      if (respawn && kind === 'service' && program.expected === undefined) {
        this.deaths += 1;
        this.#respawning = this.#respawning.then(() => this.#replace());
      } else this.#troubles.push({ type: 'trouble', what: `${program.name} ended with ${how}`, at: Date.now() });
    });
    return program;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
