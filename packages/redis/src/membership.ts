/** The port `Membership`: joining, the report, leaving; what the beat says is passed on. */
import { customAlphabet } from 'nanoid';
import type { BeatNews } from './beat-words.ts';
import type { RedisBroker } from './broker.ts';
import { NotMember, type Member, type Membership, type MembershipEvents, type NodeReport } from './core.ts';
import type { Ground } from './ground.ts';
import { Heart } from './heart.ts';
import { Inbox } from './inbox.ts';
import { laneOfNode, nodeKeys } from './keys.ts';
import { ensureLayout } from './layout.ts';
import { leaveLanes } from './leave.ts';
import { run } from './script.ts';

const SUFFIX_LENGTH = 10;
const suffix = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', SUFFIX_LENGTH);
/** The report is kept this long in the server without a beat, ms. */
const REPORT_LIFETIME_MS = 60_000;

interface Ticket {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class RedisMembership implements Membership {
  readonly #ground: Ground;
  readonly #broker: RedisBroker;
  readonly #heart: Heart;
  readonly #inbox: Inbox;
  readonly #reporting: NodeJS.Timeout;
  /** Redis may be away: look at the other connections too. */
  onBeatFailed: (() => void) | undefined;
  readonly #tickets = new Map<number, Ticket>();
  #lastTicket = 0;
  #report: (() => NodeReport) | undefined;
  #events: MembershipEvents | undefined;
  #served = '';

  constructor(ground: Ground, broker: RedisBroker) {
    this.#ground = ground;
    this.#broker = broker;
    this.#heart = new Heart(ground, (news) => this.#hear(news));
    this.#inbox = new Inbox(ground);
    this.#inbox.onFrames = (frames) => this.#events?.inbox(frames);
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

  async join(report: () => NodeReport, events: MembershipEvents): Promise<string> {
    const { command, lanes, identity, options, registration } = this.#ground;
    await this.#heart.up();
    await ensureLayout(command, identity.namespace, options.lanes);
    const id = `${identity.name.replaceAll(/[^a-zA-Z0-9._-]/g, '-')}-${suffix()}`;
    this.#report = report;
    this.#events = events;
    const text = this.#reportText();
    const home = laneOfNode(id, lanes.length);
    const answers = await Promise.all(
      lanes.map((keys, lane) => {
        const own = nodeKeys(keys, id);
        return run<[revision: string, cursor: string]>(
          command,
          'join',
          [keys.members, keys.revision, own.inbox, own.node],
          [id, lane === home ? '1' : '0', lane === 0 ? text : '', REPORT_LIFETIME_MS],
        );
      }),
    );
    registration.take(id);
    this.#inbox.open(id, nodeKeys(this.#ground.lane(home), id).inbox, answers[home]?.[1] ?? '0-0');
    this.#heart.start(id, text);
    this.#tellServed();
    this.#broker.memberChanged();
    return id;
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

  async members(): Promise<readonly Member[]> {
    const keys = this.#ground.lane(0);
    const flat = await run<string[]>(this.#ground.command, 'members', [keys.members], [keys.prefix]);
    const members: Member[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) members.push(toMember(flat[i] as string, flat[i + 1] as string));
    return members;
  }

  async leave(): Promise<void> {
    const id = this.#ground.registration.id;
    this.#refuseTickets(id ?? this.#ground.identity.name);
    if (id === undefined) return;
    try {
      await this.#broker.pause();
      await this.#broker.handBack();
    } catch (error) {
      this.#ground.log.warn({ err: error }, 'what was in hand could not be handed back; it counts as a crash');
    }
    this.#ground.registration.drop();
    this.#broker.memberChanged();
    this.#heart.stop();
    await leaveLanes(this.#ground.command, this.#ground.lanes, id);
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
    this.#tellServed();
  }

  #reportText(): string {
    try {
      return JSON.stringify(this.#report?.() ?? {});
    } catch (error) {
      this.#ground.log.error({ err: error }, 'the report of this node could not be made');
      return '{}';
    }
  }

  #hear(news: BeatNews): void {
    const { registration, time, log } = this.#ground;
    switch (news.kind) {
      case 'beaten':
        if (news.sample !== undefined) time.offer(news.sample);
        for (const lane of news.orphanLanes) this.#broker.orphansAppeared(lane);
        for (const ticket of news.tickets) {
          this.#tickets.get(ticket)?.resolve();
          this.#tickets.delete(ticket);
        }
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
}

function toMember(id: string, text: string): Member {
  if (text === '') return { id };
  try {
    const report = JSON.parse(text) as unknown;
    return typeof report === 'object' && report !== null && 'serves' in report
      ? { id, report: report as NodeReport }
      : { id };
  } catch {
    return { id };
  }
}
