/** Several nodes that share breakers, without anything else of a node: what goes wrong between them is up to the test. */
import { BreakerBook } from '../../src/backends/memory/breaker-book.ts';
import { Breaking } from '../../src/breaker/breaking.ts';
import { breaking as breakingLayer } from '../../src/breaker/layer.ts';
import type { BreakerPolicy, Breakers } from '../../src/ports/breakers.ts';
import { HandlerError, HomeostatError, TransportError } from '../../src/ground/errors.ts';
import { Emitter, type NodeEvents } from '../../src/node/events.ts';
import type { Log } from '../../src/ground/log.ts';
import type { Request, Send } from '../../src/resilience/request.ts';
import { DEFAULT_BREAKER } from '../../src/policies/service-settings.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

export const NAME = 'users.get';

export function policyOf(fields: Partial<BreakerPolicy> = {}): BreakerPolicy {
  return { ...DEFAULT_BREAKER, ...fields };
}

export interface Line {
  readonly evt: string;
  readonly [field: string]: unknown;
}

/** A log that keeps its lines. */
export function keptLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const add = (line: unknown): void => void lines.push(line as Line);
  const log = { trace: add, debug: add, info: add, warn: add, error: add, fatal: add, child: () => log };
  return { log: log as unknown as Log, lines };
}

export type Link = 'up' | 'away' | 'paused';

export class TestNode {
  /** `away`: refuses everything. `paused`: answers nothing until it is up again. */
  link: Link = 'up';
  records = 0;
  readonly breaking: Breaking;
  readonly lines: Line[];
  readonly events: NodeEvents['breaker'][] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(id: string, clock: VirtualClock, book: () => BreakerBook) {
    const { log, lines } = keptLog();
    this.lines = lines;
    const emitter = new Emitter(log);
    emitter.on('breaker', (event) => this.events.push(event));
    const breakers: Breakers = {
      record: (name, tally, policy, by, known) => {
        this.records += 1;
        return this.#use(() => book().record(name, tally, policy, by, known));
      },
      probe: (name, leaseMs, _policy, by) => this.#use(() => book().probe(name, leaseMs, by)),
      release: (name, token) => this.#use(() => book().release(name, token)),
      force: (name, force) => this.#use(() => book().force(name, force)),
      all: () => this.#use(() => book().all()),
    };
    const ping = (): Promise<number> => this.#use(() => 1);
    this.breaking = new Breaking({ breakers, timers: clock, log, events: emitter, nodeId: () => id, ping });
  }

  up(): void {
    this.link = 'up';
    for (const go of this.#waiting.splice(0)) go();
  }

  async #use<Value>(act: () => Value): Promise<Value> {
    if (this.link === 'away') throw new TransportError('away', { outcome: 'not-executed' });
    if (this.link === 'paused') await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return act();
  }
}

export class House {
  readonly clock: VirtualClock = virtualClock();
  readonly nodes: TestNode[] = [];
  #book = this.#newBook();
  #seq = 0;

  node(id: string): TestNode {
    const node = new TestNode(id, this.clock, () => this.#book);
    this.nodes.push(node);
    return node;
  }

  /** Everything the backend knew is gone. */
  flushAll(): void {
    this.#book = this.#newBook();
  }

  #newBook(): BreakerBook {
    return new BreakerBook(this.clock, (kind, id, body) => this.#tell(kind, id, body));
  }

  #tell(kind: string, id: string, body: unknown): void {
    this.#seq += 1;
    const item = { seq: this.#seq, kind, id, body: structuredClone(body) };
    for (const node of this.nodes) if (node.link === 'up') setImmediate(() => node.breaking.apply(item));
  }
}

export function requestTo(clock: VirtualClock, fields: Partial<Request> = {}): Request {
  return {
    subject: NAME,
    service: 'users',
    method: 'get',
    kind: 'query',
    input: undefined,
    deadline: clock.now() + 30_000,
    signal: undefined,
    headers: undefined,
    key: undefined,
    id: undefined,
    attempts: 0,
    degraded: undefined,
    ...fields,
  };
}

export const broken = (): Promise<never> => Promise.reject(new HandlerError('it broke'));
export const fine = (): Promise<string> => Promise.resolve('fine');

/** Calls through the breaker of a node; answers the value or the code of the error. */
export function caller(
  node: TestNode,
  clock: VirtualClock,
  policy: BreakerPolicy = policyOf(),
  name: string = NAME,
): (send: Send) => Promise<unknown> {
  return async (send) => {
    const layer = breakingLayer(node.breaking.of(name, policy));
    try {
      return await layer(send)(requestTo(clock));
    } catch (thrown) {
      return thrown instanceof HomeostatError ? thrown.code : thrown;
    }
  };
}

/** Lets everything happen that needs no time. */
export function settle(clock: VirtualClock): Promise<void> {
  return clock.advance(0);
}
