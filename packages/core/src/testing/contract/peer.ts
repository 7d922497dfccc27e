import type { Link } from '../../backend.ts';
import type { AppendResult, Claim, MailboxDepth, MailboxLimits, Settlement, SettleResult } from '../../ports/broker.ts';
import type { NewsItem, NodeReport, NodeVitals } from '../../ports/membership.ts';
import { parseReport, type ServedReport } from '../../ports/report.ts';
import { waitFor } from '../wait-for.ts';
import { Basket, bytesOf, textOf } from './basket.ts';
import { DEADLINE_MS, WIDE } from './times.ts';

export interface AppendOptions {
  readonly number?: number;
  /** Envelopes in the frame; default 1. */
  readonly count?: number;
  readonly at?: number;
  readonly target?: string;
  readonly patient?: boolean;
}

/** One node on the stage: a link with a membership, and everything that came to it. */
export class Peer {
  readonly name: string;
  readonly link: Link;
  readonly inbox: string[] = [];
  readonly evictions: string[] = [];
  readonly news: NewsItem[] = [];
  /** The alert log as it came. */
  readonly alerts: NewsItem[] = [];
  /** The last item of the alert log that each answered beat knew of. */
  readonly alertBeats: number[] = [];
  /** The last news that each answered beat knew of. */
  readonly beats: number[] = [];
  /** What its report says it serves: mailbox → methods. */
  serves: Record<string, readonly string[]> = {};
  /** What its vitals say. */
  load = 0;
  id = '';
  readonly #numbers = new Map<string, number>();

  constructor(name: string, link: Link) {
    this.name = name;
    this.link = link;
  }

  async join(): Promise<string> {
    this.#numbers.clear();
    const presence = { report: () => this.#report(), vitals: () => this.#vitals() };
    this.id = await this.link.membership.join(presence, {
      evicted: (reason) => this.evictions.push(reason),
      inbox: (frames) => this.inbox.push(...frames.map(textOf)),
      news: (items) => this.news.push(...items),
      alerts: (items) => this.alerts.push(...items),
      beaten: (seq, alertSeq) => {
        this.beats.push(seq);
        this.alertBeats.push(alertSeq);
      },
    });
    return this.id;
  }

  /** Appends a frame of that text under this producer's next number. */
  append(mailbox: string, text: string, options: AppendOptions = {}): Promise<AppendResult> {
    const { count = 1, at, target, patient } = options;
    const destination = target === undefined ? mailbox : `${mailbox}>${target}`;
    const number = options.number ?? (this.#numbers.get(destination) ?? 0) + 1;
    this.#numbers.set(destination, number);
    return this.link.broker.append({
      ...{ mailbox, number, frame: bytesOf(text), count },
      ...(at === undefined ? undefined : { at }),
      ...(target === undefined ? undefined : { target }),
      ...(patient === undefined ? undefined : { patient }),
    });
  }

  /** Appends and insists on acceptance; resolves with the entry's id. */
  async send(mailbox: string, text: string, options: AppendOptions = {}): Promise<string> {
    const result = await this.append(mailbox, text, options);
    if (result.kind !== 'accepted')
      throw new Error(`${this.name}: the append of "${text}" to ${mailbox} was answered ${result.kind}`);
    return result.id;
  }

  async consume(
    mailbox: string,
    options: { readonly room?: number; readonly limits?: MailboxLimits } = {},
  ): Promise<Basket> {
    const basket = new Basket(`${this.name} on ${mailbox}`, options.room ?? 100);
    basket.reader = await this.link.broker.consume(mailbox, options.limits ?? WIDE, {
      room: () => basket.room,
      take: (claims) => basket.take(claims),
    });
    return basket;
  }

  settle(...batch: Settlement[]): Promise<readonly SettleResult[]> {
    return this.link.broker.settle(batch);
  }

  done(...claims: Claim[]): Promise<readonly SettleResult[]> {
    return this.settle(...claims.map((claim) => ({ kind: 'done' as const, claim })));
  }

  /** Resolves once the mailbox counts as `fits` says. */
  async depth(mailbox: string, what: string, fits: (depth: MailboxDepth) => boolean): Promise<MailboxDepth> {
    return waitFor(
      async () => {
        const depth = await this.link.broker.depth(mailbox);
        return fits(depth) ? depth : undefined;
      },
      { withinMs: DEADLINE_MS, what: `${mailbox} to have ${what}` },
    );
  }

  async isListed(id: string): Promise<boolean> {
    return (await this.link.membership.members()).members.some((member) => member.id === id);
  }

  /** The report of a node as the backend has it now; undefined when there is none that can be read. */
  async reportOf(id: string): Promise<NodeReport | undefined> {
    const { members } = await this.link.membership.members();
    return parseReport(members.find((member) => member.id === id)?.report);
  }

  /** Resolves with the first news of that kind and id that fits. */
  hears(kind: string, id: string, fits: (item: NewsItem) => boolean = () => true): Promise<NewsItem> {
    return waitFor(() => this.news.find((item) => item.kind === kind && item.id === id && fits(item)), {
      withinMs: DEADLINE_MS,
      what: `${this.name} to hear that ${kind} ${id}`,
    });
  }

  /** Resolves once the node is on nobody's list any more. */
  async missing(id: string): Promise<void> {
    await waitFor(async () => !(await this.isListed(id)), {
      withinMs: DEADLINE_MS,
      what: `${id} to be taken off the list`,
    });
  }

  /** Falls silent: the link ends without a word to the others. */
  async die(): Promise<void> {
    await this.link.close();
  }

  #report(): NodeReport {
    const serves = Object.entries(this.serves).map(([mailbox, methods]) => [mailbox, served(methods)] as const);
    return {
      name: this.name,
      pid: process.pid,
      host: 'here',
      startedAt: 1,
      status: 'healthy',
      serves: Object.fromEntries(serves),
    };
  }

  #vitals(): NodeVitals {
    return {
      inFlight: 0,
      load: this.load,
      loopDelayMs: 0,
      memoryMb: 64,
      actors: {},
      serviceMs: { 'work@1/run': 12 },
      checks: {},
    };
  }
}

/** What a peer says of one actor. */
export function served(methods: readonly string[]): ServedReport {
  return { version: '1.0.0', methods, status: 'healthy', weight: 1, tags: ['blue'], meta: { zone: 'a' } };
}
