/** Alert channels of several nodes on one store, whose links and clock are up to the test. */
import { AlertChannel, type AlertHooks } from '../../src/alerts/channel.ts';
import type { Alert, AlertLevel, AlertRecord, RaiseOptions, Severity } from '../../src/alerts/alert.ts';
import type { AlertPolicyOverrides } from '../../src/alerts/policy-schema.ts';
import { AlertBook } from '../../src/backends/memory/alert-book.ts';
import { Feed } from '../../src/backends/memory/feed.ts';
import { RecordBook } from '../../src/backends/memory/record-book.ts';
import { rankOf } from '../../src/balance/rank.ts';
import { TransportError } from '../../src/ground/errors.ts';
import type { Log } from '../../src/ground/log.ts';
import type { AlertStore, SlotChange } from '../../src/ports/alerts.ts';
import type { NewsItem } from '../../src/ports/membership.ts';
import type { Records } from '../../src/ports/records.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

export const SECOND = 1_000;
export const MINUTE: number = 60 * SECOND;

export interface Line {
  readonly evt: string;
  readonly [field: string]: unknown;
}

/** `away`: refuses everything. `silent`: answers nothing until it is up again. `lossy`: carries it out, and loses the answer. */
export type LinkState = 'up' | 'away' | 'silent' | 'lossy';

export class World {
  readonly clock: VirtualClock = virtualClock();
  book: AlertBook;
  readonly records: RecordBook;
  readonly nodes: ActingNode[] = [];
  /** What was asked of the store, by all nodes. */
  readonly asked: Record<string, number> = {};
  readonly changes: SlotChange[] = [];
  #newsSeq = 0;

  constructor() {
    this.book = new AlertBook(this.clock, (item) => this.#log(item));
    this.records = new RecordBook(this.clock, (kind, id, body) =>
      this.#news({ seq: (this.#newsSeq += 1), kind, id, body }),
    );
  }

  async node(id: string, options: NodeOptions = {}): Promise<ActingNode> {
    const node = new ActingNode(id, this, options);
    this.nodes.push(node);
    await node.channel.resync();
    for (const reader of node.channel.readers) await reader.resync();
    return node;
  }

  async cluster(...ids: string[]): Promise<ActingNode[]> {
    return Promise.all(ids.map((id) => this.node(id)));
  }

  /** Everything that it had is gone. */
  empty(): void {
    this.book = new AlertBook(this.clock, (item) => this.#log(item));
  }

  /** Lets what is under way come to its end. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Turns time forward, a second at a time, with a beat of every node each. */
  async pass(ms: number, stepMs: number = SECOND): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.clock.advance(Math.min(stepMs, ms - passed));
      for (const node of this.nodes) node.beat();
      await this.settle();
    }
  }

  slots(): readonly AlertRecord[] {
    return this.book.live().slots.map(({ body }) => body as AlertRecord);
  }

  slot(kind: string): AlertRecord | undefined {
    return this.slots().find((record) => record.kind === kind);
  }

  #log(item: NewsItem): void {
    for (const node of this.nodes) node.log(structuredClone(item));
  }

  #news(item: NewsItem): void {
    for (const { channel, link } of this.nodes)
      if (link !== 'away') for (const reader of channel.readers) reader.apply(structuredClone(item));
  }
}

export interface NodeOptions {
  readonly events?: AlertHooks | undefined;
  readonly policy?: AlertPolicyOverrides | undefined;
  /** Whether anybody hears. Default: somebody does. */
  readonly hears?: ((levels: readonly AlertLevel[], alert: Alert) => boolean) | undefined;
}

export class ActingNode {
  readonly id: string;
  readonly channel: AlertChannel;
  readonly lines: Line[] = [];
  link: LinkState = 'up';
  #waiting: (() => void)[] = [];
  readonly #world: World;
  readonly #feed: Feed<NewsItem>;

  constructor(id: string, world: World, { events, policy, hears = () => true }: NodeOptions) {
    this.id = id;
    this.#world = world;
    this.channel = new AlertChannel({
      store: this.#store(),
      records: this.#records(),
      timers: world.clock,
      log: keptLog(this.lines),
      policy,
      events,
      selfId: () => id,
      rank: (text) => rankOf(text, id, this.#members()),
      anybodyHears: hears,
      gone: (ids) => ids.filter((one) => !this.#members().includes(one)),
    });
    this.#feed = new Feed((items) => this.channel.apply(items));
  }

  get alerts(): AlertChannel['alerts'] {
    return this.channel.alerts;
  }

  log(item: NewsItem): void {
    if (this.link === 'up' || this.link === 'lossy') this.#feed.push(item);
  }

  beat(): void {
    if (this.link === 'up') this.channel.beaten(this.#world.book.seq);
  }

  /** Gone without a word: nothing of it runs any more. */
  kill(): void {
    this.link = 'away';
    this.#world.nodes.splice(this.#world.nodes.indexOf(this), 1);
    this.#feed.close();
  }

  up(): void {
    this.link = 'up';
    for (const answer of this.#waiting) answer();
    this.#waiting = [];
  }

  evts(evt: string): readonly Line[] {
    return this.lines.filter((line) => line.evt === evt);
  }

  #members(): readonly string[] {
    return this.#world.nodes.map(({ id }) => id);
  }

  #use<Answer>(name: string, act: () => Answer): Promise<Answer> {
    const { asked } = this.#world;
    if (this.link === 'away') return Promise.reject(new TransportError('away', { outcome: 'not-executed' }));
    if (this.link === 'silent') {
      return new Promise((resolve) => {
        this.#waiting.push(() => resolve(this.#use(name, act)));
      });
    }
    asked[name] = (asked[name] ?? 0) + 1;
    const answer = structuredClone(act());
    if (this.link === 'lossy') return Promise.reject(new TransportError('the answer was lost'));
    return new Promise((resolve) => {
      setImmediate(() => resolve(answer));
    });
  }

  #store(): AlertStore {
    const world = this.#world;
    return {
      commit: (changes) =>
        this.#use('commit', () => {
          world.changes.push(...changes);
          return changes.map((change) => world.book.commit(change));
        }),
      live: () => this.#use('live', () => world.book.live()),
      due: (now, limit) => this.#use('due', () => world.book.due(now, limit)),
      archived: (range) => this.#use('archived', () => world.book.archived(range)),
      claim: (refs) =>
        this.#use('claim', () =>
          refs.map((ref) => world.book.claims.claim(ref, this.id, (one) => this.#members().includes(one))),
        ),
      finish: (refs, outcome) =>
        this.#use('finish', () => refs.forEach((ref) => world.book.claims.finish(ref, this.id, outcome))),
      permit: (asks, now) => this.#use('permit', () => asks.map((ask) => world.book.windows.permit(ask, now))),
      rate: (name, add, windowMs, now) => this.#use('rate', () => world.book.windows.rate(name, add, windowMs, now)),
    };
  }

  #records(): Records {
    const { records } = this.#world;
    return {
      all: (family) => this.#use('records', () => records.all(family)),
      change: (change) => this.#use('records', () => records.change(change)),
      history: (family, limit) => this.#use('records', () => records.history(family, limit)),
    };
  }
}

export function pain(kind: string, severity: Severity = 'medium', more: Partial<RaiseOptions> = {}): RaiseOptions {
  return { kind, severity, message: `${kind} hurts`, ...more };
}

function keptLog(lines: Line[]): Log {
  const add = (line: unknown): void => void lines.push(line as Line);
  const log = { trace: add, debug: add, info: add, warn: add, error: add, fatal: add, child: () => log };
  return log as unknown as Log;
}
