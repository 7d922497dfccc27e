/**
 * The beat of a node: in every lane one script per interval, which also moves what is due, audits a mailbox and brings
 * the counters of the neighbours. The same engine runs in a thread of its own (beat.thread.ts) or, where that cannot be
 * started, on the main thread. It is told what to do by orders and answers with news; both can cross a thread.
 */
import type { Connection } from './connection.ts';
import type { BeatNews, BeatOrder, BeatPlan } from './beat-words.ts';
import { Announcer } from './announce.ts';
import { BeatLane, type Beaten } from './beat-lane.ts';
import { describeBreak } from './errors.ts';
import { stalled } from './instances.ts';
import { CONTROL_LANE, laneKeys, laneOfMailbox } from './keys.ts';
import { leaveLanes } from './leave.ts';
import { monotonic } from './time.ts';

/** After a refused beat, ms. */
const RETRY_MS = 100;

export class BeatEngine {
  readonly #plan: BeatPlan;
  readonly #connection: Connection;
  readonly #mainProgress: () => number;
  readonly #tell: (news: BeatNews) => void;
  #id: string | undefined;
  #lanes: BeatLane[] = [];
  #report = '';
  #announcer: Announcer | undefined;
  #vitals = '';
  #sentVitals = '';
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
        this.#start(order.id, order.report, order.stands);
        return;
      case 'report':
        this.#report = order.report;
        return;
      case 'vitals':
        this.#vitals = order.vitals;
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

  #start(id: string, report: string, stands: boolean): void {
    this.#id = id;
    this.#report = report;
    const { namespace, beat } = this.#plan;
    this.#announcer = new Announcer(laneKeys(namespace, CONTROL_LANE), id, beat.intervalMs, report);
    if (!stands) this.#announcer.doubt();
    this.#sentVitals = '';
    this.#tickets = [];
    this.#lanes = Array.from(
      { length: this.#plan.lanes },
      (_, index) => new BeatLane(id, index, laneKeys(namespace, index), beat),
    );
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
      this.#failing(error);
      delayMs = RETRY_MS;
    }
    this.#beating = false;
    if (this.#again) delayMs = 0;
    this.#again = false;
    this.#soon(delayMs);
  }

  #failing(error: unknown): void {
    this.#tell({ kind: 'failing', why: error instanceof Error ? error.message : describeBreak(error) });
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
    const report = silentMs > stallMs ? stalled(this.#report) : this.#report;
    const vitals = this.#vitals;
    const tickets = this.#tickets;
    this.#tickets = [];
    let announced: boolean;
    let answers: (Beaten | undefined)[];
    try {
      // In this order, so that the beat already knows of its own news.
      [announced, ...answers] = await Promise.all([
        this.#announce(report),
        ...this.#lanes.map((lane) => this.#beatLane(lane, vitals)),
      ]);
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
    const control = beaten[CONTROL_LANE];
    if (!announced) this.#tickets.unshift(...tickets);
    if (control?.reportGone === true) this.#announcer?.doubt();
    this.#sentVitals = control?.vitalsGone === true ? '' : vitals;
    this.#beats += 1;
    const sample = beaten.find((answer) => answer.sample !== undefined)?.sample;
    this.#tell({
      kind: 'beaten',
      id,
      tickets: announced ? tickets : [],
      orphanLanes: beaten.filter(({ orphans }) => orphans).map(({ lane }) => lane.index),
      seq: control?.seq ?? 0,
      alertSeq: control?.alertSeq ?? 0,
      ...(sample === undefined ? undefined : { sample }),
      ...(control?.memory === undefined ? undefined : { memory: control.memory }),
    });
    let reaped = false;
    for (const answer of beaten) {
      for (const victim of await answer.lane.watchOver(this.#connection, answer)) {
        reaped = true;
        this.#tell({ kind: 'reaped', victim });
      }
    }
    if (reaped || beaten.some(({ more }) => more)) return 0;
    this.#nextAt = Math.max(this.#nextAt + intervalMs, monotonic());
    return Math.min(intervalMs, this.#nextAt - monotonic());
  }

  /** Answers whether everybody can see the report now. What Redis refuses here must not cost the node its beat. */
  async #announce(report: string): Promise<boolean> {
    try {
      await this.#announcer?.announce(this.#connection, report);
      return true;
    } catch (error) {
      this.#failing(error);
      return false;
    }
  }

  #beatLane(lane: BeatLane, vitals: string): Promise<Beaten | undefined> {
    const told = lane.index === CONTROL_LANE && vitals !== this.#sentVitals ? vitals : '';
    return lane.beat(this.#connection, this.#beats, told, this.#mailboxes[lane.index] ?? []);
  }

  async #leave(id: string): Promise<void> {
    await leaveLanes(
      this.#connection,
      this.#lanes.map(({ keys }) => keys),
      id,
      'expired',
    );
  }

  #evicted(id: string, reason: string): void {
    this.#id = undefined;
    clearTimeout(this.#timer);
    this.#tell({ kind: 'evicted', id, reason });
  }
}
