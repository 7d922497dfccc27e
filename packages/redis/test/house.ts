/** Nodes for tests: a link that has joined, with what came to it written down. */
import { redis } from '../src/index.ts';
import type { RedisBackendOptions } from '../src/options.ts';
import { quietLog } from '../src/quiet-log.ts';
import type {
  BeatOptions,
  Claim,
  Link,
  Log,
  MailboxLimits,
  MailboxReader,
  NewsItem,
  NodeReport,
  NodeVitals,
} from '../src/core.ts';

export const QUICK: BeatOptions = { intervalMs: 100, ttlMs: 600, stallMs: 300, evictMs: 5_000 };
export const LIMITS: MailboxLimits = { maxLength: 1_000_000, maxBytes: 1024 * 1024 * 1024 };
const DEADLINE_MS = 15_000;
const USUAL: NodeReport = {
  name: 'test',
  pid: process.pid,
  host: 'test',
  startedAt: 0,
  status: 'healthy',
  serves: {},
};
export const CALM: NodeVitals = {
  inFlight: 0,
  load: 0,
  loopDelayMs: 1,
  memoryMb: 100,
  actors: {},
  serviceMs: {},
  checks: {},
};
/** One actor of a report. */
export type ServedReport = NodeReport['serves'][string];

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs: number = DEADLINE_MS,
): Promise<number> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > withinMs) throw new Error(`waited ${withinMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startedAt;
}

export interface Served {
  readonly claims: Claim[];
  readonly reader: MailboxReader;
  /** Settles each claim as done as soon as it comes. */
  texts(): string[];
}

export class TestNode {
  readonly link: Link;
  readonly evictions: string[] = [];
  readonly inbox: string[] = [];
  readonly warnings: string[] = [];
  readonly news: NewsItem[] = [];
  readonly alerts: NewsItem[] = [];
  /** What the last answered beat said of the news. */
  seq = 0;
  alertSeq = 0;
  /** Beats that were answered. */
  beats = 0;
  /** What it says of itself beside the usual. */
  tells: Partial<NodeReport> = {};
  /** Its vitals change with every beat. */
  restless = false;
  readonly #numbers = new Map<string, number>();
  id = '';
  /** Join again by itself when evicted, as a node does. */
  rejoins = false;

  private constructor(link: Link, warnings: string[]) {
    this.link = link;
    this.warnings = warnings;
  }

  static async connect(
    options: string | RedisBackendOptions,
    namespace: string,
    name: string,
    beat: BeatOptions = QUICK,
  ): Promise<TestNode> {
    const warnings: string[] = [];
    const note = ((...args: unknown[]) =>
      void warnings.push(
        args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' '),
      )) as Log['warn'];
    const log: Log = { ...quietLog, warn: note, error: note };
    return new TestNode(await redis(options).connect({ name, namespace, beat, log }), warnings);
  }

  static async joined(
    options: string | RedisBackendOptions,
    namespace: string,
    name: string,
    beat: BeatOptions = QUICK,
  ): Promise<TestNode> {
    const node = await TestNode.connect(options, namespace, name, beat);
    await node.join();
    return node;
  }

  async join(): Promise<void> {
    this.#numbers.clear();
    this.id = await this.link.membership.join(
      { report: () => ({ ...USUAL, ...this.tells }), vitals: () => this.#vitals() },
      {
        evicted: (reason) => {
          this.evictions.push(reason);
          if (this.rejoins) void this.#rejoin();
        },
        inbox: (frames) => void this.inbox.push(...frames.map((frame) => Buffer.from(frame).toString())),
        news: (items) => void this.news.push(...items),
        alerts: (items) => void this.alerts.push(...items),
        beaten: (seq, alertSeq) => {
          this.beats += 1;
          this.seq = seq;
          this.alertSeq = alertSeq;
        },
      },
    );
  }

  #vitals(): NodeVitals {
    return this.restless ? { ...CALM, load: Math.random() } : CALM;
  }

  async #rejoin(): Promise<void> {
    for (;;) {
      try {
        await this.join();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  number(mailbox: string): number {
    const next = (this.#numbers.get(mailbox) ?? 0) + 1;
    this.#numbers.set(mailbox, next);
    return next;
  }

  /** Appends once, as the next number; throws unless it is accepted. */
  async send(mailbox: string, text: string, count = 1, at?: number): Promise<string> {
    const result = await this.link.broker.append({
      mailbox,
      number: this.number(mailbox),
      frame: Buffer.from(text),
      count,
      ...(at === undefined ? undefined : { at }),
    });
    if (result.kind !== 'accepted') throw new Error(`append: ${result.kind}`);
    return result.id;
  }

  /** Appends until accepted, repeating the same number after a failure, as an outbox does. */
  async sendSurely(mailbox: string, text: string): Promise<void> {
    let owner = this.id;
    let number = this.number(mailbox);
    for (;;) {
      // Numbers belong to a member: after a rejoin it is sent again as the new one's next.
      if (owner !== this.id) {
        owner = this.id;
        number = this.number(mailbox);
      }
      try {
        const result = await this.link.broker.append({ mailbox, number, frame: Buffer.from(text), count: 1 });
        if (result.kind === 'accepted' && owner === this.id) return;
      } catch {
        // Unknown or refused: the number makes it safe to repeat.
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Reads a mailbox; `settle` ends what comes at once. */
  async serve(
    mailbox: string,
    options: { readonly room?: number; readonly settle?: boolean; readonly maxLength?: number } = {},
  ): Promise<Served> {
    const claims: Claim[] = [];
    let open = 0;
    const room = options.room ?? 64;
    const { broker } = this.link;
    const reader: { current?: MailboxReader } = {};
    const settleSurely = async (claim: Claim): Promise<void> => {
      for (;;) {
        try {
          await broker.settle([{ kind: 'done', claim }]);
          break;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      open -= 1;
      reader.current?.wake();
    };
    const current = await broker.consume(
      mailbox,
      { ...LIMITS, maxLength: options.maxLength ?? LIMITS.maxLength },
      {
        room: () => Math.max(0, room - open),
        take: (taken) => {
          claims.push(...taken);
          open += taken.length;
          if (options.settle === true) for (const claim of taken) void settleSurely(claim);
        },
      },
    );
    reader.current = current;
    return { claims, reader: current, texts: () => claims.map((claim) => Buffer.from(claim.frame).toString()) };
  }

  async end(): Promise<void> {
    try {
      await this.link.membership.leave();
    } catch {
      // The server may be gone.
    }
    await this.link.close();
  }
}

/** A served actor as a report tells of it. */
export function served(facts: Partial<ServedReport> = {}): ServedReport {
  return { version: '1.0.0', methods: [], status: 'healthy', weight: 1, tags: [], meta: {}, ...facts };
}
