import type { NodeIdentity } from '../../ports/broker.ts';
import type { Timers } from '../../ground/clock.ts';
import { TransportError } from '../../ground/errors.ts';
import { isPartition } from '../../ports/partitions.ts';
import { Turns } from '../../sending/turns.ts';
import type { Mailbox } from './mailbox.ts';
import type { PartitionLog } from './partition-log.ts';
import type { MemberRecord, World } from './world.ts';

/** What broker and membership of one link share: which member the node is just now. */
export class Hold {
  readonly world: World;
  readonly identity: NodeIdentity;
  /** What its beat follows. */
  readonly timers: Timers;
  member: MemberRecord | undefined = undefined;
  closed = false;
  readonly turns: Turns;

  constructor(world: World, identity: NodeIdentity, timers: Timers) {
    this.world = world;
    this.turns = new Turns(world.timers, (mailbox) => this.#pass(mailbox));
    this.identity = identity;
    this.timers = timers;
  }

  /** The member this node is, as long as the world agrees. */
  current(): MemberRecord | undefined {
    const { member } = this;
    return member !== undefined && this.world.members.has(member.id) ? member : undefined;
  }

  /** Where appends to a mailbox, or to one partition of it, go. */
  place(name: string): Mailbox | PartitionLog {
    return isPartition(name) ? this.world.partition(name).log : this.world.mailbox(name);
  }

  #pass(mailbox: string): void {
    const member = this.current();
    if (member !== undefined) this.place(mailbox).line.pass(member.id);
  }

  /** Runs `act` now; whatever it throws, and a closed link, becomes a rejection. */
  async use<Result>(act: () => Result): Promise<Result> {
    if (this.closed) {
      throw new TransportError(`the memory backend's link of ${this.identity.name} is closed`, {
        outcome: 'not-executed',
        retryable: false,
      });
    }
    return act();
  }
}
