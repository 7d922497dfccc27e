import { customAlphabet } from 'nanoid';
import { NotMember } from '../../errors.ts';
import type { Member, Membership, MembershipEvents, NodeReport } from '../../membership.ts';
import type { Hold } from './hold.ts';
import { Inbox } from './inbox.ts';
import { Watch } from './watch.ts';
import type { MemberRecord } from './world.ts';

const suffix: (size?: number) => string = customAlphabet('abcdefghijklmnopqrstuvwxyz0123456789', 10);

export class MemoryMembership implements Membership {
  readonly #hold: Hold;
  #report: (() => NodeReport) | undefined;
  #cancelBeat: (() => void) | undefined;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  async join(report: () => NodeReport, events: MembershipEvents): Promise<string> {
    if (!this.#hold.closed) await this.leave();
    return this.#hold.use(() => {
      const { world, identity } = this.#hold;
      const member: MemberRecord = {
        id: `${identity.name}-${suffix()}`,
        inbox: new Inbox((frames) => events.inbox(frames)),
        producers: new Map(),
        beats: 0,
        beatAt: world.timers.clock.elapsed(),
        report: undefined,
      };
      this.#report = report;
      this.#hold.member = member;
      world.members.set(member.id, member);
      this.#beat(member);
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

  members(): Promise<readonly Member[]> {
    return this.#hold.use(() =>
      [...this.#hold.world.members.values()].map(({ id, report }): Member =>
        report === undefined ? { id } : { id, report: structuredClone(report) },
      ),
    );
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
    member.beats += 1;
    member.beatAt = this.#hold.world.timers.clock.elapsed();
    try {
      if (this.#report !== undefined) member.report = structuredClone(this.#report());
    } catch (thrown) {
      // A report that cannot be made must not cost the node its life.
      this.#hold.identity.log.warn({ evt: 'report_failed', err: thrown }, 'the node could not report on itself');
    }
  }

  #beatAgain(member: MemberRecord, watch: Watch, events: MembershipEvents): void {
    const { world, identity } = this.#hold;
    this.#cancelBeat = world.timers.setTimer(identity.beat.intervalMs, () => {
      if (!world.members.has(member.id)) {
        events.evicted('the other nodes saw no beat of it within the TTL and removed it');
        return;
      }
      this.#beat(member);
      watch.look(member.id);
      world.pulse();
      this.#beatAgain(member, watch, events);
    });
  }
}
