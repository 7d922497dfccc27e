import type { NewsItem, NodeReport, NodeVitals } from '../../ports/membership.ts';
import type { Timers } from '../../ground/clock.ts';
import { AlertBook } from './alert-book.ts';
import { BreakerBook } from './breaker-book.ts';
import { CacheBook } from './cache-book.ts';
import { DueSet } from './due-set.ts';
import type { Feed } from './feed.ts';
import { LimitBook } from './limit-book.ts';
import { Mailbox } from './mailbox.ts';
import { OnceBook } from './once-book.ts';
import { Partition } from './partition.ts';
import { PermitBook } from './permit-book.ts';
import { RecordBook } from './record-book.ts';
import { StateBook } from './state-book.ts';
import { TopicBook } from './topic-book.ts';

/** What a producer that is no member has had accepted is remembered for so long after the last time, ms. */
const PRODUCER_MS = 86_400_000;

/** Mailbox, or mailbox and target → a producer's last number and the entry it became. */
export type Numbers = Map<string, { readonly number: number; readonly id: string }>;

/** What the world knows of one member. Only who is in `World.members` may change anything. */
export interface MemberRecord {
  readonly id: string;
  readonly inbox: Feed<Uint8Array>;
  readonly news: Feed<NewsItem>;
  readonly alerts: Feed<NewsItem>;
  readonly numbers: Numbers;
  /** It is the member's turn to append to a mailbox that was full. */
  turnCame(mailbox: string): void;
  /** Raised by every beat. */
  beats: number;
  /** When it last beat, on the clock's `elapsed()`, ms. */
  beatAt: number;
  report: NodeReport | undefined;
  vitals: NodeVitals | undefined;
}

/** What all nodes of one backend object and namespace share. */
export class World {
  readonly timers: Timers;
  readonly due: DueSet;
  readonly members: Map<string, MemberRecord> = new Map();
  readonly records: RecordBook;
  readonly breakers: BreakerBook;
  readonly cache: CacheBook;
  readonly permits: PermitBook;
  readonly limits: LimitBook;
  readonly state: StateBook;
  readonly once: OnceBook;
  readonly alerts: AlertBook;
  readonly topics: TopicBook;
  /** The last news there is. */
  seq = 0;
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #partitions = new Map<string, Partition>();
  readonly #producers = new Map<string, { readonly numbers: Numbers; usedAt: number }>();
  #links = 0;

  constructor(timers: Timers) {
    const tell = (kind: string, id: string, body: unknown): void => this.tell(kind, id, body);
    this.timers = timers;
    this.due = new DueSet(timers);
    this.records = new RecordBook(timers.clock, tell);
    this.breakers = new BreakerBook(timers.clock, tell);
    this.cache = new CacheBook(timers.clock);
    this.permits = new PermitBook(timers.clock);
    this.limits = new LimitBook(timers.clock);
    this.state = new StateBook(timers.clock);
    this.once = new OnceBook(timers.clock, (id) => this.members.has(id));
    this.topics = new TopicBook({
      clock: timers.clock,
      mailbox: (name) => this.mailbox(name),
      forget: (name) => this.#forget(name),
    });
    this.alerts = new AlertBook(timers.clock, (item) => this.#log(item));
  }

  mailbox(name: string): Mailbox {
    let mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined) {
      mailbox = new Mailbox(
        name,
        this.timers,
        this.due,
        (id) => this.members.has(id),
        (id) => this.members.get(id)?.turnCame(name),
      );
      this.#mailboxes.set(name, mailbox);
    }
    return mailbox;
  }

  /** One partition of a keyed mailbox, by its name. */
  partition(name: string): Partition {
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      partition = new Partition(
        name,
        this.timers,
        this.due,
        (id) => this.members.has(id),
        (id) => this.members.get(id)?.turnCame(name),
      );
      this.#partitions.set(name, partition);
    }
    return partition;
  }

  /** What a producer that is no member has had accepted; forgotten a day after the last time. */
  numbersOf(producer: string): Numbers {
    const now = this.timers.clock.elapsed();
    const known = this.#producers.get(producer);
    // The one used last stands last.
    this.#producers.delete(producer);
    for (const [name, { usedAt }] of this.#producers) {
      if (now - usedAt < PRODUCER_MS) break;
      this.#producers.delete(name);
    }
    const numbers = known !== undefined && now - known.usedAt < PRODUCER_MS ? known.numbers : new Map();
    this.#producers.set(producer, { numbers, usedAt: now });
    return numbers;
  }

  /** Tells every member one item of news; each gets a body of its own. */
  tell(kind: string, id: string, body?: unknown): void {
    this.seq += 1;
    for (const { news } of this.members.values()) news.push({ seq: this.seq, kind, id, body: structuredClone(body) });
  }

  #forget(name: string): void {
    const mailbox = this.mailbox(name);
    mailbox.empty();
    if (!mailbox.isOpen) this.#mailboxes.delete(name);
  }

  #log(item: NewsItem): void {
    for (const { alerts } of this.members.values()) alerts.push(structuredClone(item));
  }

  /** Takes the member off the list first: from here on everything it sends is refused. Then frees what it held. */
  remove(id: string, how: 'left' | 'expired'): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    member.inbox.close();
    member.news.close();
    member.alerts.close();
    for (const mailbox of this.#mailboxes.values()) mailbox.release(id, how === 'expired');
    if (how === 'left') for (const partition of this.#partitions.values()) partition.release(id);
    this.tell(how, id);
  }

  /** With every beat: moves what is due and asks again whoever has had no room. */
  pulse(): void {
    this.due.move();
    for (const mailbox of this.#mailboxes.values()) mailbox.ring();
  }

  linkOpened(): void {
    this.#links += 1;
    if (this.#links === 1) this.due.arm();
  }

  /** A world that nobody is linked to holds no timer. */
  linkClosed(): void {
    this.#links -= 1;
    if (this.#links === 0) this.due.rest();
  }
}

/** Tells every member one item of news. */
export type Tell = (kind: string, id: string, body: unknown) => void;
