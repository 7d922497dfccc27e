/** The port `Membership`: joining, the report, leaving; what the beat says is passed on. */
import { customAlphabet } from 'nanoid';
import type { BeatNews } from './beat-words.ts';
import type { RedisBroker } from './broker.ts';
import { guarded } from './connection.ts';
import {
  NotMember,
  type BackendMemory,
  type Member,
  type Members,
  type Membership,
  type MembershipEvents,
  type Presence,
} from './core.ts';
import type { Ground } from './ground.ts';
import { Heart } from './heart.ts';
import { Inbox } from './inbox.ts';
import { changedInstances, instancesOf } from './instances.ts';
import { alertKeys, CONTROL_LANE, instancesKey, laneOfNode, nodeKeys } from './keys.ts';
import { ensureLayout } from './layout.ts';
import { leaveLanes } from './leave.ts';
import { reportLifetimeMs } from './announce.ts';
import type { RedisPartitions } from './partitions.ts';
import { run } from './script.ts';

const SUFFIX_LENGTH = 10;
const suffix = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', SUFFIX_LENGTH);
/** Vitals asked for with one command. */
const MOST_ASKED = 512;

/** Where a new member begins to read. */
type Joined = readonly [revision: string, inboxCursor: string, newsCursor: string, logCursor: string];

interface Ticket {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class RedisMembership implements Membership {
  readonly #ground: Ground;
  readonly #broker: RedisBroker;
  readonly #partitions: RedisPartitions;
  readonly #heart: Heart;
  readonly #inbox: Inbox;
  readonly #reporting: NodeJS.Timeout;
  /** Redis may be away: look at the other connections too. */
  onBeatFailed: (() => void) | undefined;
  /** Of the server, as it said with one of the last beats. */
  memory: BackendMemory | undefined;
  readonly #tickets = new Map<number, Ticket>();
  #lastTicket = 0;
  #presence: Presence | undefined;
  #report = '{}';
  #vitals = '';
  #events: MembershipEvents | undefined;
  #served = '';

  constructor(ground: Ground, broker: RedisBroker, partitions: RedisPartitions) {
    this.#ground = ground;
    this.#broker = broker;
    this.#partitions = partitions;
    this.#heart = new Heart(ground, (news) => this.#hear(news));
    this.#inbox = new Inbox(ground);
    this.#inbox.onFrames = (frames) => this.#events?.inbox(frames);
    // What is told between two memberships is in what the next one begins with.
    this.#inbox.onNews = (items) => {
      if (ground.registration.id !== undefined) this.#events?.news(items);
    };
    this.#inbox.onAlerts = (items) => {
      if (ground.registration.id !== undefined) this.#events?.alerts(items);
    };
    this.#inbox.onTurn = (mailbox) => broker.turnCame(mailbox);
    this.#inbox.onPoke = () => {
      const id = ground.registration.id;
      if (id !== undefined) broker.orphansAppeared(laneOfNode(id, ground.lanes.length));
    };
    ground.registration.onLost = (id, reason) => this.#lost(id, reason);
    this.#reporting = setInterval(() => this.#refresh(), ground.identity.beat.intervalMs);
    this.#reporting.unref();
  }

  get threaded(): boolean {
    return this.#heart.threaded;
  }

  async join(presence: Presence, events: MembershipEvents): Promise<string> {
    const { command, lanes, identity, options, registration } = this.#ground;
    await this.#heart.up();
    await ensureLayout(command, identity.namespace, options.lanes);
    const id = `${identity.name.replaceAll(/[^a-zA-Z0-9._-]/g, '-')}-${suffix()}`;
    this.#presence = presence;
    this.#events = events;
    const report = this.#reportText();
    const home = laneOfNode(id, lanes.length);
    const answers = new Map<number, Joined>();
    const others = lanes.map((_, lane) => lane).filter((lane) => lane !== CONTROL_LANE);
    await Promise.all(others.map(async (lane) => answers.set(lane, await this.#joinLane(lane, id, ''))));
    // The last one: who hears of the new node may send to it in every lane.
    answers.set(CONTROL_LANE, await this.#joinLane(CONTROL_LANE, id, report));
    registration.take(id);
    const control = this.#ground.lane(CONTROL_LANE);
    const [, , newsCursor, logCursor] = answers.get(CONTROL_LANE) ?? [];
    this.#inbox.open({
      inbox: { key: nodeKeys(this.#ground.lane(home), id).inbox, cursor: cursorOf(answers.get(home)?.[1]) },
      news: { key: control.news, cursor: cursorOf(newsCursor) },
      log: { key: alertKeys(control).log, cursor: cursorOf(logCursor) },
    });
    this.#heart.start(id, report);
    this.#heart.vitals(this.#vitalsText());
    this.#tellServed();
    this.#broker.memberChanged();
    return id;
  }

  #joinLane(lane: number, id: string, report: string): Promise<Joined> {
    const { command, lanes, identity } = this.#ground;
    const keys = this.#ground.lane(lane);
    const own = nodeKeys(keys, id);
    return run<Joined>(
      command,
      'join',
      [keys.members, keys.revision, own.inbox, own.report, keys.news, keys.newsSeq, alertKeys(keys).log],
      [
        ...[id, keys.prefix, lane === laneOfNode(id, lanes.length) ? '1' : '0'],
        ...[report, reportLifetimeMs(identity.beat.intervalMs), ...changedInstances(new Map(), instancesOf(report))],
      ],
    );
  }

  async announce(): Promise<void> {
    const id = this.#ground.registration.id;
    if (id === undefined) throw new NotMember(this.#ground.identity.name, 'not-executed');
    this.#refresh();
    await new Promise<void>((resolve, reject) => {
      const ticket = ++this.#lastTicket;
      this.#tickets.set(ticket, { resolve, reject });
      this.#heart.now(ticket);
    });
  }

  async members(): Promise<Members> {
    const keys = this.#ground.lane(CONTROL_LANE);
    const [seq = '0', ...flat] = await run<string[]>(
      this.#ground.command,
      'members',
      [keys.members, keys.newsSeq],
      [keys.prefix],
    );
    return { members: this.#toMembers(flat), seq: Number(seq) };
  }

  async serving(service: string): Promise<readonly Member[]> {
    const keys = this.#ground.lane(CONTROL_LANE);
    return this.#toMembers(
      await run<string[]>(this.#ground.command, 'serving', [keys.members, instancesKey(keys, service)], []),
    );
  }

  async vitals(ids: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    const keys = this.#ground.lane(CONTROL_LANE);
    const vitals = new Map<string, unknown>();
    for (let at = 0; at < ids.length; at += MOST_ASKED) {
      const asked = ids.slice(at, at + MOST_ASKED);
      const texts = await guarded(
        'MGET',
        this.#ground.command.sendText<(string | null)[]>(
          'mget',
          asked.map((id) => nodeKeys(keys, id).node),
        ),
      );
      for (const [i, id] of asked.entries()) {
        const read = parsed(texts[i] ?? '');
        if (read !== undefined) vitals.set(id, read);
      }
    }
    return vitals;
  }

  async leave(): Promise<void> {
    const id = this.#ground.registration.id;
    this.#refuseTickets(id ?? this.#ground.identity.name);
    if (id === undefined) return;
    try {
      await this.#broker.pause();
      await this.#broker.handBack();
      await this.#partitions.releaseAll();
    } catch (error) {
      this.#ground.log.warn({ err: error }, 'what was in hand could not be handed back; it counts as a crash');
    }
    this.#ground.registration.drop();
    this.#broker.memberChanged();
    this.#heart.stop();
    await leaveLanes(this.#ground.command, this.#ground.lanes, id, 'left');
  }

  async close(): Promise<void> {
    clearInterval(this.#reporting);
    this.#refuseTickets(this.#ground.registration.id ?? this.#ground.identity.name);
    await Promise.all([this.#heart.close(), this.#inbox.close()]);
  }

  /** A mailbox was opened or closed: the beat shall audit what is served. */
  tellServed(): void {
    this.#tellServed();
  }

  #tellServed(): void {
    const served = this.#broker.served().flat();
    const text = served.join(' ');
    if (text === this.#served) return;
    this.#served = text;
    this.#heart.serves(served);
  }

  #refresh(): void {
    if (this.#ground.registration.id === undefined) return;
    this.#heart.report(this.#reportText());
    this.#heart.vitals(this.#vitalsText());
    this.#tellServed();
  }

  /** The last one stands where a new one cannot be made. */
  #reportText(): string {
    try {
      this.#report = JSON.stringify(this.#presence?.report() ?? {});
    } catch (error) {
      this.#ground.log.error({ evt: 'report_failed', err: error }, 'the report of this node could not be made');
    }
    return this.#report;
  }

  #vitalsText(): string {
    try {
      this.#vitals = JSON.stringify(this.#presence?.vitals() ?? {});
    } catch (error) {
      this.#ground.log.error({ evt: 'report_failed', err: error }, 'the vitals of this node could not be made');
    }
    return this.#vitals;
  }

  #hear(news: BeatNews): void {
    const { registration, time, log } = this.#ground;
    switch (news.kind) {
      case 'beaten':
        if (news.sample !== undefined) time.offer(news.sample);
        if (news.memory !== undefined) this.memory = news.memory;
        for (const lane of news.orphanLanes) this.#broker.orphansAppeared(lane);
        for (const ticket of news.tickets) {
          this.#tickets.get(ticket)?.resolve();
          this.#tickets.delete(ticket);
        }
        if (news.id === registration.id) this.#events?.beaten(news.seq, news.alertSeq);
        return;
      case 'evicted':
        registration.lose(news.id, news.reason);
        return;
      case 'reaped':
        log.warn({ victim: news.victim }, 'a node was silent for too long: declared dead, its work is taken over');
        return;
      case 'failing':
        log.debug({ why: news.why }, 'a beat failed; trying again');
        this.onBeatFailed?.();
        return;
      default:
    }
  }

  #lost(id: string, reason: string): void {
    this.#ground.log.warn({ node: id, reason }, 'this node is no member any more');
    this.#heart.stop();
    this.#refuseTickets(id);
    this.#broker.memberChanged();
    this.#events?.evicted(reason);
  }

  #refuseTickets(id: string): void {
    const tickets = [...this.#tickets.values()];
    this.#tickets.clear();
    for (const { reject } of tickets) reject(new NotMember(id, 'unknown'));
  }

  /** Of id, report, id, report, … */
  #toMembers(flat: readonly string[]): Member[] {
    const members: Member[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const id = flat[i] ?? '';
      const text = flat[i + 1] ?? '';
      const report = parsed(text);
      if (report === undefined && text !== '') {
        this.#ground.log.warn({ evt: 'report_invalid', node: id }, 'a report that cannot be read is skipped');
      }
      members.push(report === undefined ? { id } : { id, report });
    }
    return members;
  }
}

/** Nothing was written yet: from the first entry on. */
function cursorOf(entry: string | undefined): string {
  return entry === undefined || entry === '' ? '0-0' : entry;
}

/** What a text of JSON says; undefined when it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
