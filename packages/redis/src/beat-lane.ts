/** The beat in one lane: counts on, looks after the lane, and sees whether the neighbours beat. */
import { reportLifetimeMs } from './announce.ts';
import type { Connection } from './connection.ts';
import type { BackendMemory, BeatOptions } from './core.ts';
import { MOST_MOVED } from './due.ts';
import { alertKeys, CONTROL_LANE, mailboxKeys, nodeKeys, type LaneKeys } from './keys.ts';
import { run } from './script.ts';
import { monotonic, sampleOf, type TimeSample } from './time.ts';
import { Watch } from './watch.ts';

/** Lifetimes in the server are refreshed once in so many beats, and last as many beats more. */
const REFRESH_EVERY = 10;
/** The lane is looked over, and one mailbox audited, at least this often, in beats: nothing depends on it but lost news. */
const LOOK_EVERY = 10;
/** What the lane's revision grows by when somebody comes or goes; see lua/lib/revision.lua. */
const MEMBERS_CHANGED = 2 ** 20;
/** How long the producer numbers of a silent node are kept when nobody reaps it, ms: mere clean-up. */
const SENT_LIFETIME_MS = 24 * 60 * 60 * 1000;

type BeatAnswer =
  | 'not-member'
  | [
      seconds: string,
      microseconds: string,
      revision: string,
      seq: string,
      alertSeq: string,
      orphans: number,
      moved: number,
      more: number,
      nextDue: string,
      reportGone: string,
      vitalsGone: string,
      memory: string,
      ...counters: string[],
    ];

export interface Beaten {
  readonly lane: BeatLane;
  readonly sample: TimeSample | undefined;
  /** The last news of this lane. */
  readonly seq: number;
  /** The last item of the alert log. */
  readonly alertSeq: number;
  readonly orphans: boolean;
  /** More is due than was moved. */
  readonly more: boolean;
  readonly reportGone: boolean;
  readonly vitalsGone: boolean;
  /** Of the server, where it was asked. */
  readonly memory: BackendMemory | undefined;
  /** When it was answered (monotonic, ms). */
  readonly at: number;
  readonly revision: string;
  /** Of those that are watched; '' = no member. */
  readonly counters: ReadonlyMap<string, string>;
}

export class BeatLane {
  readonly index: number;
  readonly keys: LaneKeys;
  readonly watch: Watch;
  readonly #id: string;
  readonly #lifetimeMs: number;
  /** Which members the watch knows of: the part of the revision that counts comings and goings. */
  #members = -1;
  /** The revision after which there was nothing left to do; '' = look again with the next beat. */
  #known = '';
  #audited = 0;

  constructor(id: string, index: number, keys: LaneKeys, beat: BeatOptions) {
    this.#id = id;
    this.index = index;
    this.keys = keys;
    this.watch = new Watch(id, beat);
    this.#lifetimeMs = reportLifetimeMs(beat.intervalMs);
  }

  /** The `beats`-th beat; `vitals` is stored unless it is `''`. Answers undefined when the node is no member. */
  async beat(
    connection: Connection,
    beats: number,
    vitals: string,
    mailboxes: readonly string[],
  ): Promise<Beaten | undefined> {
    const { keys, watch } = this;
    const own = nodeKeys(keys, this.#id);
    const looks = beats % LOOK_EVERY === 0;
    const audited = looks ? (mailboxes[this.#audited++ % Math.max(1, mailboxes.length)] ?? '') : '';
    const watched = watch.watched;
    const sent = monotonic();
    const answer = await run<BeatAnswer>(
      connection,
      'beat',
      [
        ...[keys.members, keys.revision, keys.orphans, own.node, own.sent, keys.due, keys.dueFrames],
        ...[mailboxKeys(keys, audited).stream, own.report, keys.newsSeq, alertKeys(keys).seq],
      ],
      [
        ...[this.#id, keys.prefix, vitals, this.#refreshes(beats), this.#lifetimeMs, SENT_LIFETIME_MS],
        ...[audited, MOST_MOVED, looks ? '' : this.#known, ...watched],
      ],
    );
    if (answer === 'not-member') return undefined;
    const at = monotonic();
    const [
      seconds,
      microseconds,
      revision,
      seq,
      alertSeq,
      orphans,
      ,
      more,
      nextDue,
      reportGone,
      vitalsGone,
      memory,
      ...counters
    ] = answer;
    if (revision !== this.#known || looks) this.#known = orphans === 0 && more === 0 && nextDue === '' ? revision : '';
    return {
      lane: this,
      sample: seconds === '' ? undefined : sampleOf(seconds, microseconds, sent, at),
      seq: Number(seq),
      alertSeq: Number(alertSeq),
      orphans: orphans > 0,
      more: more === 1,
      reportGone: reportGone === '1',
      vitalsGone: vitalsGone === '1',
      memory: memoryOf(memory),
      at,
      revision,
      counters: new Map(watched.map((name, i) => [name, counters[i] ?? ''])),
    };
  }

  /** All lanes are of one server: one of them asks for its memory. */
  #refreshes(beats: number): '0' | '1' | '2' {
    if (beats % REFRESH_EVERY !== 0) return '0';
    return this.index === CONTROL_LANE ? '2' : '1';
  }

  /** Declares dead who was silent for too long, and looks whom to watch from now on. Answers the dead. */
  async watchOver(connection: Connection, { at, counters, revision }: Beaten): Promise<readonly string[]> {
    const dead: string[] = [];
    for (const { id, counter } of this.watch.sample(at, counters))
      if (await this.#reap(connection, id, counter)) dead.push(id);
    const members = Math.floor(Number(revision) / MEMBERS_CHANGED);
    if (members !== this.#members) {
      this.watch.members(await connection.sendText<string[]>('hkeys', [this.keys.members]));
      this.#members = members;
    }
    return dead;
  }

  async #reap(connection: Connection, victim: string, counter: string): Promise<boolean> {
    const { keys } = this;
    const theirs = nodeKeys(keys, victim);
    const answer = await run<number | string>(
      connection,
      'reap',
      [
        ...[keys.members, keys.revision, keys.orphans, theirs.node, theirs.sent, theirs.serves, theirs.inbox],
        ...[theirs.report, keys.news, keys.newsSeq],
      ],
      [this.#id, victim, counter, keys.prefix, this.index === CONTROL_LANE ? 'expired' : ''],
    );
    return answer === 1;
  }
}

function memoryOf(told: string): BackendMemory | undefined {
  const [used, max] = told.split(' ').map(Number);
  return told === '' || !Number.isFinite(used) || !Number.isFinite(max) ? undefined : { used: used!, max: max! };
}
