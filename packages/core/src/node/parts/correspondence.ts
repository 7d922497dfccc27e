/**
 * What travels between a caller and those who work for it besides calls and answers: items of streams and credit for them,
 * cancellations; and what becomes of the work when one of the two is gone.
 */
import { Cancelling } from '../../calling/cancelling.ts';
import type { Clock } from '../../ground/clock.ts';
import type { Deadlines } from '../../ground/deadlines.ts';
import { NodeClosed, NotMember } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { Membership } from '../../ports/membership.ts';
import { PresenceOf } from '../../registry/presence-of.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Sending } from '../../sending/sending.ts';
import type { Dispatcher } from '../../serving/dispatcher.ts';
import type { Gate } from '../../serving/gate.ts';
import { Cancelled } from '../../serving/gates/cancelled.ts';
import { Orphaned } from '../../serving/gates/orphaned.ts';
import { IncomingStreams } from '../../streaming/incoming-streams.ts';
import { OutgoingStreams } from '../../streaming/outgoing-streams.ts';
import { Kind, type Envelope } from '../../wire/envelope.ts';
import type { Frame } from '../../wire/frame.ts';

export interface CorrespondenceNeeds {
  readonly sending: Sending;
  readonly registry: Registry;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  dispatchers(): Iterable<Dispatcher>;
}

export class Correspondence {
  readonly cancelling: Cancelling;
  readonly incoming: IncomingStreams;
  readonly outgoing: OutgoingStreams;
  readonly presence: PresenceOf;
  /** What every actor's deliveries have to pass. */
  readonly gates: readonly Gate[];
  readonly #needs: CorrespondenceNeeds;
  readonly #cancelled: Cancelled;

  constructor(needs: CorrespondenceNeeds) {
    const { sending, registry, membership, clock, deadlines, log } = needs;
    this.#needs = needs;
    this.cancelling = new Cancelling(sending, registry);
    this.presence = new PresenceOf({ membership, log, has: (nodeId) => registry.has(nodeId) });
    this.#cancelled = new Cancelled(clock);
    this.gates = [this.#cancelled, new Orphaned({ log, isGone: (nodeId) => this.presence.isGone(nodeId) })];
    const inbox = (nodeId: string): ReturnType<Sending['inbox']> => sending.inbox(nodeId);
    this.outgoing = new OutgoingStreams({ log, inbox });
    this.incoming = new IncomingStreams({
      clock,
      deadlines,
      inbox,
      correlation: () => sending.replies.correlation(),
      cancel: (mailbox, correlation) => this.cancelling.cancel(mailbox, correlation),
    });
  }

  /** What came to the inbox and answers no call. False: nobody knows of it. Never throws. */
  take(frame: Frame, envelope: Envelope): boolean {
    const { kind, correlation } = envelope;
    if (kind === Kind.credit) this.outgoing.credit(frame.from, correlation, envelope.number);
    else if (kind === Kind.cancel) this.#cancel(frame.from, correlation);
    else if (kind <= Kind.item) return this.incoming.take(frame, envelope);
    return true;
  }

  /** A node is no member any more. */
  gone(nodeId: string): void {
    this.presence.gone(nodeId);
    this.incoming.gone(nodeId);
    for (const dispatcher of this.#needs.dispatchers()) dispatcher.callerGone(nodeId);
  }

  /** News may be missed: who is at the other end of a stream, and unknown here, is asked after. */
  async look(): Promise<void> {
    const others = new Set([...this.incoming.producers(), ...this.outgoing.readers()]);
    for (const nodeId of others) if (await this.presence.isGone(nodeId)) this.gone(nodeId);
  }

  /** This node is no member any more, and will be another one. */
  lost(nodeId: string): void {
    this.incoming.lose(new NotMember(nodeId));
  }

  close(): void {
    this.incoming.close(new NodeClosed('stream', 'unknown'));
  }

  #cancel(caller: string, correlation: number): void {
    let found = false;
    for (const dispatcher of this.#needs.dispatchers()) found = dispatcher.cancel(caller, correlation) || found;
    if (!found) this.#cancelled.remember(caller, correlation);
  }
}
