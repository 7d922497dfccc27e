/** Where the tests of alerts play: a Redis, nodes in this process, and processes that raise alerts and are told of them. */
import { fileURLToPath } from 'node:url';
import type {
  ActorNode,
  Alert,
  AlertFilter,
  AlertLevel,
  AlertsOptions,
  NodeOptions,
  RaiseOptions,
  SubscribeOptions,
} from 'homeostat';
import { waitFor } from 'homeostat/testing';
import { QUICK } from './echo.ts';
import { Program } from './program.ts';
import type { RedisProcess } from './redis-process.ts';
import { Servers } from './servers.ts';

export type Order =
  | { readonly do: 'name-yourself' }
  | { readonly do: 'raise'; readonly options: RaiseOptions }
  /** The event loop is blocked from the turn on in which it is raised. */
  | { readonly do: 'raise-and-block'; readonly options: RaiseOptions; readonly ms: number }
  | { readonly do: 'raise-often'; readonly options: RaiseOptions; readonly times: number }
  | { readonly do: 'serve' }
  | { readonly do: 'get'; readonly id: string }
  | {
      readonly do: 'listen';
      readonly filter: AlertFilter;
      readonly options?: SubscribeOptions;
      /** The handler does not end before `release`; then it acks and resolves. */
      readonly holds?: boolean;
    }
  | { readonly do: 'release' };

/** What a subscriber was handed, and when: ms since the epoch. */
export interface Told {
  readonly at: number;
  /** Name of the process. */
  readonly by: string;
  readonly id: string;
  readonly kind: string;
  readonly n: number;
  readonly why: string;
  readonly to: readonly AlertLevel[];
  readonly attempt: number;
}

export type Said =
  | { readonly told: Told }
  | { readonly number: number; readonly value?: unknown; readonly failed?: string };

/** When a process raised an alert, ms since the epoch, and what came of it. */
export interface RaisedThere {
  readonly at: number;
  readonly alert: Alert;
}

/** Of all processes, as far as JSON carries them. */
type Options = Pick<NodeOptions, 'beat'> & { readonly alerts?: Pick<AlertsOptions, 'policy' | 'sources'> };

const PROGRAM = fileURLToPath(new URL('alerting.js', import.meta.url));
const NAMESPACE = 'house';

/** Conditions that the test makes, and no others. */
export const NO_SOURCES: Options = { alerts: { sources: false } };

/** Waits until the answer is not false, and answers it. */
export async function until<Value>(
  what: string,
  condition: () => Value | false | Promise<Value | false>,
): Promise<Value> {
  return (await waitFor(condition, { withinMs: 15_000, what })) as Value;
}

export class AlertHouse {
  /** By any process, in the order in which it said so. */
  readonly told: Told[] = [];
  readonly #servers: Servers;
  readonly #processes: AlertProcess[] = [];

  private constructor(servers: Servers) {
    this.#servers = servers;
  }

  static async open(): Promise<AlertHouse> {
    return new AlertHouse(await Servers.open());
  }

  get redis(): RedisProcess {
    return this.#servers.redis;
  }

  /** A key of the one lane. */
  key(name: string): string {
    return `{${NAMESPACE}:0}:${name}`;
  }

  /** A node in the process of the test. */
  node(name: string, options: NodeOptions = NO_SOURCES): Promise<ActorNode> {
    return this.#servers.node(name, options);
  }

  async start(name: string, options: Options = NO_SOURCES): Promise<AlertProcess> {
    const env = {
      REDIS_URL: this.redis.url,
      NAMESPACE,
      OPTIONS: JSON.stringify({ beat: QUICK, signals: false, ...options }),
    };
    const started = new AlertProcess(await Program.start(PROGRAM, name, env), (told) => this.told.push(told));
    this.#processes.push(started);
    await started.meet();
    return started;
  }

  startAll(names: readonly string[], options?: Options): Promise<AlertProcess[]> {
    return Promise.all(names.map((name) => this.start(name, options)));
  }

  toldOf(id: string): Told[] {
    return this.told.filter((told) => told.id === id);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.kill()));
    await this.#servers.close();
  }
}

export class AlertProcess {
  readonly #program: Program;
  readonly #answers = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #orders = 0;
  #nodeId = '';

  constructor(program: Program, told: (told: Told) => void) {
    this.#program = program;
    program.child.on('message', (said: Said) => ('told' in said ? told(said.told) : this.#answered(said)));
  }

  get name(): string {
    return this.#program.name;
  }

  get nodeId(): string {
    return this.#nodeId;
  }

  async meet(): Promise<void> {
    this.#nodeId = await this.order<string>({ do: 'name-yourself' });
  }

  /** Answers what the process has answered. */
  order<Value = unknown>(order: Order): Promise<Value> {
    this.#orders += 1;
    const number = this.#orders;
    this.#program.child.send({ order, number });
    return new Promise((resolve, reject) =>
      this.#answers.set(number, { resolve: resolve as (value: unknown) => void, reject }),
    );
  }

  raise(options: RaiseOptions): Promise<RaisedThere> {
    return this.order<RaisedThere>({ do: 'raise', options });
  }

  async kill(): Promise<void> {
    await this.#program.end('SIGKILL', () => this.#program.kill('SIGKILL'));
  }

  #answered({ number, value, failed }: Exclude<Said, { told: Told }>): void {
    const waiting = this.#answers.get(number);
    this.#answers.delete(number);
    if (failed === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`${this.name}: ${failed}`));
  }
}
