/**
 * The beat of a node: in every lane one script per interval, which also moves what is due, audits a mailbox and brings
 * the counters of the neighbours. The same engine runs in a thread of its own (beat.thread.ts) or, where that cannot be
 * started, on the main thread. It is told what to do by orders and answers with news; both can cross a thread.
 */
import type { Connection } from './connection.ts';
import type { BeatNews, BeatOrder, BeatPlan } from './beat-words.ts';
import { laneKeys, laneOfMailbox, mailboxKeys, nodeKeys, type LaneKeys } from './keys.ts';
import { MOST_MOVED } from './due.ts';
import { leaveLanes } from './leave.ts';
import { replyCode } from './errors.ts';
import { run } from './script.ts';
import { monotonic, sampleOf, type TimeSample } from './time.ts';
import { Watch } from './watch.ts';

/** Lifetimes in the server are refreshed once in so many beats, and last as many beats more. */
const REFRESH_EVERY = 10;
/** The lane is looked over, and one mailbox audited, at least this often, in beats: nothing depends on it but lost news. */
const LOOK_EVERY = 10;
/** What the lane's revision grows by when somebody comes or goes; see lua/lib/news.lua. */
const MEMBERS_CHANGED = 2 ** 20;
/** How long the producer numbers of a silent node are kept when nobody reaps it, ms: mere clean-up. */
const SENT_LIFETIME_MS = 24 * 60 * 60 * 1000;
const REPORT_LIFETIME_BEATS = 60;
const SHORTEST_REPORT_LIFETIME_MS = 60_000;
/** After a refused beat, ms. */
const RETRY_MS = 100;

type BeatAnswer =
  | 'not-member'
  | [
      seconds: string,
      microseconds: string,
      revision: string,
      orphans: number,
      moved: number,
      more: number,
      nextDue: string,
      reportGone: string,
      ...counters: string[],
    ];

interface Lane {
  readonly index: number;
  readonly keys: LaneKeys;
  watch: Watch;
  /** Which members the watch knows of: the part of the revision that counts comings and goings. */
  members: number;
  /** The revision after which there was nothing left to do; '' = look again with the next beat. */
  known: string;
  audited: number;
}

export class BeatEngine {
  readonly #plan: BeatPlan;
  readonly #connection: Connection;
  readonly #mainProgress: () => number;
  readonly #tell: (news: BeatNews) => void;
  #id: string | undefined;
  #lanes: Lane[] = [];
  #report = '';
  #sentReport = '';
  #mailboxes: string[][] = [];
  #beats = 0;
  #tickets: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #beating = false;
  #again = false;
  #nextAt = 0;

  /** `mainProgress` says when the main thread last did something (monotonic, ms). */
  constructor(plan: BeatPlan, connection: Connection, mainProgress: () => number, tell: (news: BeatNews) => void) {
    this.#plan = plan;
    this.#connection = connection;
    this.#mainProgress = mainProgress;
    this.#tell = tell;
    connection.onReady = () => {
      this.#watchAnew();
      this.#soon(0);
    };
    connection.start();
  }

  handle(order: BeatOrder): void {
    switch (order.kind) {
      case 'start':
        this.#start(order.id, order.report);
        return;
      case 'report':
        this.#report = order.report;
        return;
      case 'serves':
        this.#mailboxes = Array.from({ length: this.#plan.lanes }, () => []);
        for (const mailbox of order.mailboxes) this.#mailboxes[laneOfMailbox(mailbox, this.#plan.lanes)]?.push(mailbox);
        return;
      case 'now':
        this.#tickets.push(order.ticket);
        this.#soon(0);
        return;
      case 'stop':
        this.#id = undefined;
        clearTimeout(this.#timer);
    }
  }

  close(): void {
    this.#id = undefined;
    clearTimeout(this.#timer);
    this.#connection.close();
  }

  #start(id: string, report: string): void {
    this.#id = id;
    this.#report = report;
    this.#sentReport = report;
    this.#tickets = [];
    this.#lanes = Array.from({ length: this.#plan.lanes }, (_, index) => ({
      index,
      keys: laneKeys(this.#plan.namespace, index),
      watch: new Watch(id, this.#plan.beat),
      members: -1,
      known: '',
      audited: 0,
    }));
    this.#nextAt = monotonic();
    this.#soon(0);
  }

  #soon(delayMs: number): void {
    if (this.#id === undefined) return;
    if (this.#beating) {
      this.#again ||= delayMs === 0;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#beat(), delayMs);
  }

  async #beat(): Promise<void> {
    const id = this.#id;
    if (id === undefined || this.#beating || !this.#connection.ready) return;
    this.#beating = true;
    let delayMs: number;
    try {
      delayMs = await this.#beatOnce(id);
    } catch (error) {
      this.#watchAnew();
      this.#tell({ kind: 'failing', why: error instanceof Error ? error.message : replyCode(error) });
      delayMs = RETRY_MS;
    }
    this.#beating = false;
    if (this.#again) delayMs = 0;
    this.#again = false;
    this.#soon(delayMs);
  }

  #watchAnew(): void {
    for (const { watch } of this.#lanes) watch.restart();
  }

  /** Answers how long to sleep before the next. */
  async #beatOnce(id: string): Promise<number> {
    const { intervalMs, stallMs, evictMs } = this.#plan.beat;
    const silentMs = monotonic() - this.#mainProgress();
    if (silentMs > evictMs) {
      await this.#leave(id);
      this.#evicted(id, `the main thread made no progress for ${Math.round(silentMs)} ms`);
      return intervalMs;
    }
    const report = silentMs > stallMs ? unhealthy(this.#report) : this.#report;
    const tickets = this.#tickets;
    this.#tickets = [];
    let answers: Beaten[];
    try {
      answers = await Promise.all(this.#lanes.map((lane) => this.#beatLane(id, lane, report)));
    } catch (error) {
      this.#tickets.unshift(...tickets);
      throw error;
    }
    if (this.#id !== id) return 0;
    if (answers.some((answer) => answer === undefined)) {
      this.#evicted(id, 'its registration is gone: it was silent for too long, or the data of Redis was lost');
      return intervalMs;
    }
    const beaten = answers.filter((answer) => answer !== undefined);
    this.#sentReport = beaten.some(({ reportGone }) => reportGone) ? '' : report;
    this.#beats += 1;
    const sample = beaten.find((answer) => answer.sample !== undefined)?.sample;
    const orphanLanes = beaten.filter(({ orphans }) => orphans).map(({ lane }) => lane.index);
    this.#tell({ kind: 'beaten', id, tickets, orphanLanes, ...(sample === undefined ? undefined : { sample }) });
    let reaped = false;
    for (const { lane, counters, at, revision } of beaten) {
      for (const silent of lane.watch.sample(at, counters))
        reaped = (await this.#reap(id, lane, silent.id, silent.counter)) || reaped;
      const members = Math.floor(Number(revision) / MEMBERS_CHANGED);
      if (members !== lane.members) {
        lane.watch.members(await this.#connection.sendText<string[]>('hkeys', [lane.keys.members]));
        lane.members = members;
      }
    }
    if (reaped || beaten.some(({ more }) => more)) return 0;
    this.#nextAt = Math.max(this.#nextAt + intervalMs, monotonic());
    return Math.min(intervalMs, this.#nextAt - monotonic());
  }

  async #beatLane(id: string, lane: Lane, report: string): Promise<Beaten> {
    const { keys, watch } = lane;
    const own = nodeKeys(keys, id);
    const mailboxes = this.#mailboxes[lane.index] ?? [];
    const looks = this.#beats % LOOK_EVERY === 0;
    const audited = looks ? (mailboxes[lane.audited++ % Math.max(1, mailboxes.length)] ?? '') : '';
    const watched = watch.watched;
    const lifetime = Math.max(SHORTEST_REPORT_LIFETIME_MS, REPORT_LIFETIME_BEATS * this.#plan.beat.intervalMs);
    const sent = monotonic();
    const answer = await run<BeatAnswer>(
      this.#connection,
      'beat',
      [
        keys.members,
        keys.revision,
        keys.orphans,
        own.node,
        own.sent,
        keys.due,
        keys.dueFrames,
        mailboxKeys(keys, audited).stream,
      ],
      [
        id,
        keys.prefix,
        lane.index === 0 && report !== this.#sentReport ? report : '',
        this.#beats % REFRESH_EVERY === 0 ? '1' : '0',
        lifetime,
        SENT_LIFETIME_MS,
        audited,
        MOST_MOVED,
        looks ? '' : lane.known,
        ...watched,
      ],
    );
    if (answer === 'not-member') return undefined;
    const received = monotonic();
    const [seconds, microseconds, revision, orphans, , more, nextDue, reportGone, ...counters] = answer;
    if (revision !== lane.known || looks) lane.known = orphans === 0 && more === 0 && nextDue === '' ? revision : '';
    return {
      lane,
      at: received,
      sample: seconds === '' ? undefined : sampleOf(seconds, microseconds, sent, received),
      revision,
      orphans: orphans > 0,
      more: more === 1,
      reportGone: lane.index === 0 && reportGone === '1',
      counters: new Map(watched.map((name, i) => [name, counters[i] ?? ''])),
    };
  }

  async #reap(id: string, lane: Lane, victim: string, counter: string): Promise<boolean> {
    const { keys } = lane;
    const theirs = nodeKeys(keys, victim);
    const answer = await run<number | string>(
      this.#connection,
      'reap',
      [keys.members, keys.revision, keys.orphans, theirs.node, theirs.sent, theirs.serves, theirs.inbox],
      [id, victim, counter, keys.prefix],
    );
    if (answer === 1) this.#tell({ kind: 'reaped', victim });
    return answer === 1;
  }

  async #leave(id: string): Promise<void> {
    await leaveLanes(
      this.#connection,
      this.#lanes.map(({ keys }) => keys),
      id,
    );
  }

  #evicted(id: string, reason: string): void {
    this.#id = undefined;
    clearTimeout(this.#timer);
    this.#tell({ kind: 'evicted', id, reason });
  }
}

type Beaten =
  | {
      readonly lane: Lane;
      readonly at: number;
      readonly sample: TimeSample | undefined;
      readonly revision: string;
      readonly orphans: boolean;
      readonly more: boolean;
      readonly reportGone: boolean;
      readonly counters: ReadonlyMap<string, string>;
    }
  | undefined;

/** The report of a node whose main thread hangs: it cannot say so itself. */
function unhealthy(report: string): string {
  try {
    return JSON.stringify({ ...(JSON.parse(report) as object), status: 'unhealthy' });
  } catch {
    return report;
  }
}
