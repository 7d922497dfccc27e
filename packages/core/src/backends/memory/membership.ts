import { isDeepStrictEqual } from 'node:util';
import { customAlphabet } from 'nanoid';
import { NotMember } from '../../ground/errors.ts';
import type { Member, Members, Membership, MembershipEvents, Presence } from '../../ports/membership.ts';
import { Feed } from './feed.ts';
import type { Hold } from './hold.ts';
import { Watch } from './watch.ts';
import type { MemberRecord } from './world.ts';

const suffix: (size?: number) => string = customAlphabet('abcdefghijklmnopqrstuvwxyz0123456789', 10);

export class MemoryMembership implements Membership {
  readonly #hold: Hold;
  #presence: Presence | undefined;
  #cancelBeat: (() => void) | undefined;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  async join(presence: Presence, events: MembershipEvents): Promise<string> {
    if (!this.#hold.closed) await this.leave();
    return this.#hold.use(() => {
      const { world, identity } = this.#hold;
      const member: MemberRecord = {
        id: `${identity.name}-${suffix()}`,
        inbox: new Feed((frames) => events.inbox(frames)),
        news: new Feed((items) => events.news(items)),
        alerts: new Feed((items) => events.alerts(items)),
        numbers: new Map(),
        turnCame: (mailbox) => this.#hold.turns.came(mailbox),
        beats: 0,
        beatAt: world.timers.clock.elapsed(),
        report: undefined,
        vitals: undefined,
      };
      this.#presence = presence;
      this.#hold.member = member;
      this.#beat(member);
      world.members.set(member.id, member);
      world.tell('joined', member.id, member.report);
      this.#beatAgain(member, new Watch(world, identity.beat), events);
      // Readers from before an eviction claim for the new id.
      world.pulse();
      return member.id;
    });
  }

  announce(): Promise<void> {
    return this.#hold.use(() => {
      const member = this.#hold.current();
      if (member === undefined) throw new NotMember(this.#hold.member?.id ?? this.#hold.identity.name, 'not-executed');
      this.#beat(member);
    });
  }

  members(): Promise<Members> {
    return this.#hold.use(() => {
      const { members, seq } = this.#hold.world;
      return { members: [...members.values()].map(asMember), seq };
    });
  }

  serving(service: string): Promise<readonly Member[]> {
    return this.#hold.use(() =>
      [...this.#hold.world.members.values()].filter(({ report }) => serves(report, service)).map(asMember),
    );
  }

  vitals(ids: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    return this.#hold.use(() => {
      const vitals = new Map<string, unknown>();
      for (const id of ids) {
        const said = this.#hold.world.members.get(id)?.vitals;
        if (said !== undefined) vitals.set(id, structuredClone(said));
      }
      return vitals;
    });
  }

  leave(): Promise<void> {
    return this.#hold.use(() => {
      this.stopBeating();
      const { member, world } = this.#hold;
      this.#hold.member = undefined;
      if (member !== undefined) world.remove(member.id, 'left');
    });
  }

  /** Falls silent without a word to the others. */
  stopBeating(): void {
    this.#cancelBeat?.();
    this.#cancelBeat = undefined;
  }

  #beat(member: MemberRecord): void {
    const { world, identity } = this.#hold;
    member.beats += 1;
    member.beatAt = world.timers.clock.elapsed();
    const { report } = member;
    try {
      member.report = structuredClone(this.#presence?.report());
      member.vitals = structuredClone(this.#presence?.vitals());
    } catch (thrown) {
      // A report that cannot be made must not cost the node its life.
      identity.log.warn({ evt: 'report_failed', err: thrown }, 'the node could not report on itself');
    }
    if (world.members.has(member.id) && !isDeepStrictEqual(report, member.report)) {
      world.tell('changed', member.id, member.report);
    }
  }

  #beatAgain(member: MemberRecord, watch: Watch, events: MembershipEvents): void {
    const { world, identity, timers } = this.#hold;
    this.#cancelBeat = timers.setTimer(identity.beat.intervalMs, () => {
      if (!world.members.has(member.id)) {
        events.evicted('the other nodes saw no beat of it within the TTL and removed it');
        return;
      }
      this.#beat(member);
      watch.look(member.id);
      world.pulse();
      this.#beatAgain(member, watch, events);
      events.beaten(world.seq, world.alerts.seq);
    });
  }
}

function asMember({ id, report }: MemberRecord): Member {
  return report === undefined ? { id } : { id, report: structuredClone(report) };
}

function serves(report: MemberRecord['report'], service: string): boolean {
  // A mailbox is the actor's name and its major version.
  return Object.keys(report?.serves ?? {}).some((mailbox) => mailbox.slice(0, mailbox.lastIndexOf('@')) === service);
}
