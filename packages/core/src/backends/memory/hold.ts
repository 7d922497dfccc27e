import type { NodeIdentity } from '../../ports/broker.ts';
import type { Timers } from '../../ground/clock.ts';
import { TransportError } from '../../ground/errors.ts';
import { Turns } from '../../sending/turns.ts';
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
    this.turns = new Turns(world.timers);
    this.identity = identity;
    this.timers = timers;
  }

  /** The member this node is, as long as the world agrees. */
  current(): MemberRecord | undefined {
    const { member } = this;
    return member !== undefined && this.world.members.has(member.id) ? member : undefined;
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
