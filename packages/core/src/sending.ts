/** Everything a node sends with: an outbox per mailbox it tells and per inbox it answers, and what waits for an end. */
import type { Broker } from './broker.ts';
import type { Clock } from './clock.ts';
import type { Deadlines } from './deadlines.ts';
import { MailboxFull, NodeClosed } from './errors.ts';
import type { Flusher } from './flusher.ts';
import { Outbox, type Destination, type TransmitResult } from './outbox.ts';
import type { Replies } from './replies.ts';
import { FrameShares } from './frame-shares.ts';

export interface SendingNeeds {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly flusher: Flusher;
  readonly replies: Replies;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  memberId(): string;
  ready(signal: AbortSignal): Promise<void>;
}

/** Idle outboxes to inboxes are dropped when there are more than this. */
const MAX_IDLE_INBOXES = 256;

export class Sending {
  readonly deadlines: Deadlines;
  readonly replies: Replies;
  readonly timeoutMs: number;
  readonly #needs: SendingNeeds;
  readonly #mailboxes = new Map<string, Outbox>();
  readonly #inboxes = new Map<string, Outbox>();
  #closed = false;

  constructor(needs: SendingNeeds) {
    this.#needs = needs;
    this.deadlines = needs.deadlines;
    this.replies = needs.replies;
    this.timeoutMs = needs.timeoutMs;
  }

  now(): number {
    return this.#needs.clock.now();
  }

  elapsed(): number {
    return this.#needs.clock.elapsed();
  }

  /** The outbox to a mailbox. @throws NodeClosed */
  open(mailbox: string, subject: string): Outbox {
    if (this.#closed) throw new NodeClosed(subject);
    return this.#mailboxes.get(mailbox) ?? this.#add(this.#mailboxes, mailbox, this.#toMailbox(mailbox));
  }

  /** The outbox to a node's inbox. */
  inbox(nodeId: string): Outbox {
    const known = this.#inboxes.get(nodeId);
    if (known !== undefined) return known;
    if (this.#inboxes.size >= MAX_IDLE_INBOXES) this.#dropIdleInboxes();
    return this.#add(this.#inboxes, nodeId, this.#toInbox(nodeId));
  }

  /** The node has a new member id. */
  rejoined(): void {
    for (const outbox of this.#mailboxes.values()) outbox.rejoined();
  }

  /** Refuses new requests; answers may still leave. */
  stop(): void {
    this.#closed = true;
  }

  /** Whether everything has left. */
  get idle(): boolean {
    for (const outbox of [...this.#mailboxes.values(), ...this.#inboxes.values()]) if (!outbox.idle) return false;
    return true;
  }

  close(): void {
    this.stop();
    for (const outbox of [...this.#mailboxes.values(), ...this.#inboxes.values()]) outbox.close();
  }

  #add(outboxes: Map<string, Outbox>, name: string, destination: Destination): Outbox {
    const outbox = new Outbox(destination, this.#needs.flusher, this.#needs.maxBodyBytes);
    outboxes.set(name, outbox);
    return outbox;
  }

  #dropIdleInboxes(): void {
    for (const [nodeId, outbox] of this.#inboxes) if (outbox.idle) this.#inboxes.delete(nodeId);
  }

  #toMailbox(mailbox: string): Destination {
    const { broker, clock, memberId, ready } = this.#needs;
    const shares = new FrameShares();
    return {
      async transmit(frame, number, count, at): Promise<TransmitResult> {
        const result = await broker.append({
          mailbox,
          number,
          frame,
          count,
          ...(at === undefined ? undefined : { at }),
        });
        if (result.kind === 'full')
          return { kind: 'full', room: result.room, refusal: new MailboxFull(mailbox, result) };
        if (result.kind === 'accepted') shares.learn(result.hints);
        return result;
      },
      async transmitAll(frames, number): Promise<number> {
        const result = await broker.appendAll({ mailbox, number, frames });
        if (result.kind === 'not-member') return 0;
        shares.learn(result.hints);
        return result.taken;
      },
      from: memberId,
      ready,
      share: (method) => shares.of(method),
      now: () => clock.now(),
    };
  }

  #toInbox(nodeId: string): Destination {
    const { broker, clock, memberId, ready } = this.#needs;
    return {
      async transmit(frame): Promise<TransmitResult> {
        const result = await broker.reply(nodeId, frame);
        // An inbox that is gone has nobody waiting: the answer has arrived as far as it can.
        return result === 'not-member' ? { kind: 'not-member' } : { kind: 'accepted' };
      },
      from: memberId,
      ready,
      share: () => 0,
      now: () => clock.now(),
    };
  }
}
