/** The two ports that a registry stands on, in memory and under the hand of the test. */
import { pino } from 'pino';
import { Balancer } from '../../src/balance/balancer.ts';
import { TransportError } from '../../src/ground/errors.ts';
import { Emitter, type NodeEvents } from '../../src/node/events.ts';
import type { Log } from '../../src/ground/log.ts';
import type { Member, Membership, NewsItem } from '../../src/ports/membership.ts';
import type { RecordChange, RecordResult, Records, SharedRecord } from '../../src/ports/records.ts';
import { Registry, type RegistryNeeds } from '../../src/registry/registry.ts';
import type { NodeReport, ServedReport } from '../../src/ports/report.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

export const BEAT_MS = 1_000;

export function served(over: Partial<ServedReport> = {}): ServedReport {
  return { version: '1.0.0', methods: ['get'], status: 'healthy', weight: 1, tags: [], meta: {}, ...over };
}

export function reportOf(serves: Record<string, Partial<ServedReport>>, over: Partial<NodeReport> = {}): NodeReport {
  return {
    name: 'node',
    pid: 42,
    host: 'host-1',
    startedAt: 1_767_225_600_000,
    status: 'healthy',
    ...over,
    serves: Object.fromEntries(Object.entries(serves).map(([mailbox, one]) => [mailbox, served(one)])),
  };
}

export interface Watcher {
  readonly registry: Registry;
  readonly balancer: Balancer;
  readonly events: readonly string[];
  readonly logged: readonly Record<string, unknown>[];
  /** The stream of news does not reach it. */
  blocked: boolean;
}

export class World {
  readonly clock: VirtualClock = virtualClock();
  readonly reports: Map<string, unknown> = new Map();
  readonly vitals: Map<string, unknown> = new Map();
  readonly records: Map<string, SharedRecord> = new Map();
  readonly news: NewsItem[] = [];
  readonly reads: { members: number; serving: number; vitals: number; changes: number } = {
    members: 0,
    serving: 0,
    vitals: 0,
    changes: 0,
  };
  readonly watchers: Watcher[] = [];
  /** The backend is away. */
  away = false;
  /** Runs once while `serving` or `members` is under way, after it was read. */
  meanwhile: (() => void) | undefined;
  #seq = 0;
  #revision = 0;

  get seq(): number {
    return this.#seq;
  }

  tell(kind: string, id: string, body?: unknown): void {
    this.#seq += 1;
    const item: NewsItem = { seq: this.#seq, kind, id, body };
    this.news.push(item);
    for (const watcher of this.watchers) if (!watcher.blocked) watcher.registry.apply([item]);
  }

  put(nodeId: string, report: unknown): void {
    const kind = this.reports.has(nodeId) ? 'changed' : 'joined';
    this.reports.set(nodeId, report);
    this.tell(kind, nodeId, report);
  }

  remove(nodeId: string, kind: 'left' | 'expired' = 'left'): void {
    this.reports.delete(nodeId);
    this.tell(kind, nodeId);
  }

  /** Everything is lost, the counter too. */
  flush(): void {
    this.reports.clear();
    this.records.clear();
    this.#seq = 0;
  }

  beat(): void {
    if (!this.away) for (const { registry } of this.watchers) registry.beaten(this.#seq);
  }

  async beats(count: number): Promise<void> {
    for (let beat = 0; beat < count; beat += 1) {
      await this.clock.advance(BEAT_MS);
      this.beat();
      await this.clock.advance(0);
    }
  }

  async watch(over: Partial<RegistryNeeds> = {}): Promise<Watcher> {
    const logged: Record<string, unknown>[] = [];
    const log: Log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line) as never) });
    const emitter = new Emitter(log);
    const events: string[] = [];
    const note = (name: keyof NodeEvents): void => {
      emitter.on(name, (event) => {
        const { service, nodeId, from, to } = event as never as Record<string, string>;
        events.push(`${name} ${service} ${nodeId}${from === undefined ? '' : ` ${from}>${to}`}`);
      });
    };
    for (const name of ['registered', 'deregistered', 'expired', 'health'] as const) note(name);
    const balancer = new Balancer({ random: () => 0, log });
    const registry = new Registry({
      membership: this.membership(),
      records: this.recordsPort(),
      clock: this.clock,
      setTimer: this.clock.setTimer,
      log,
      events: emitter,
      balancer,
      selfId: () => 'self',
      beatMs: BEAT_MS,
      ...over,
    });
    const watcher: Watcher = { registry, balancer, events, logged, blocked: false };
    this.watchers.push(watcher);
    await registry.resync();
    return watcher;
  }

  membership(): Membership {
    const unused = (): never => {
      throw new Error('not for a registry');
    };
    return {
      join: unused,
      announce: unused,
      leave: unused,
      members: async () => {
        this.reads.members += 1;
        this.#check();
        const read = { members: this.#members(), seq: this.#seq };
        await this.#during();
        return read;
      },
      serving: async (service) => {
        this.reads.serving += 1;
        this.#check();
        const read = this.#members().filter(({ report }) =>
          Object.keys((report as NodeReport).serves ?? {}).some((mailbox) => mailbox.startsWith(`${service}@`)),
        );
        await this.#during();
        return read;
      },
      vitals: async (ids) => {
        this.reads.vitals += 1;
        this.#check();
        return Promise.resolve(new Map([...this.vitals].filter(([id]) => ids.includes(id))));
      },
    };
  }

  recordsPort(): Records {
    return {
      all: async (family) => {
        this.#check();
        return Promise.resolve(family === 'mark' ? [...this.records.values()] : []);
      },
      change: async (change) => {
        this.#check();
        this.reads.changes += 1;
        return Promise.resolve(this.#change(change));
      },
      history: async () => Promise.resolve([]),
    };
  }

  #change({ family, name, body, expected, ttlMs, by }: RecordChange): RecordResult {
    const held = this.records.get(name);
    if (expected !== undefined && expected !== (held?.revision ?? 0))
      return { kind: 'conflict', revision: held?.revision ?? 0 };
    const at = this.clock.now();
    this.#revision += 1;
    const until = ttlMs === undefined ? undefined : { until: at + ttlMs };
    // A backend that writes JSON has no field for what is undefined.
    const told = body === undefined ? undefined : { body };
    const record: SharedRecord = { name, revision: this.#revision, at, by, ...told, ...until };
    if (body === undefined) this.records.delete(name);
    else this.records.set(name, record);
    this.tell(family, name, record);
    return { kind: 'changed', record };
  }

  #members(): readonly Member[] {
    return [...this.reports].map(([id, report]) => ({ id, report }));
  }

  #check(): void {
    if (this.away) throw new TransportError('the backend is away');
  }

  async #during(): Promise<void> {
    await Promise.resolve();
    const run = this.meanwhile;
    this.meanwhile = undefined;
    run?.();
  }
}

export function vitalsOf(mailbox: string, inFlight: number, load: number, score = 1, responseMs?: number): unknown {
  return {
    inFlight,
    load,
    loopDelayMs: 0,
    memoryMb: 1,
    actors: { [mailbox]: { inFlight, load, score, ...(responseMs === undefined ? undefined : { responseMs }) } },
    serviceMs: {},
    checks: {},
  };
}
