/** Everything a node sends with: an outbox per mailbox it tells and per inbox it answers, and what waits for an end. */
import type { AppendResult, Broker } from '../ports/broker.ts';
import type { Clock } from '../ground/clock.ts';
import type { Deadlines } from '../ground/deadlines.ts';
import { KeyRequired, MailboxFull, NodeClosed, PayloadTooLarge, type HomeostatError } from '../ground/errors.ts';
import type { Flusher } from '../ground/flusher.ts';
import { Numbers } from './numbers.ts';
import { Outbox, type Destination, type TransmitResult } from './outbox.ts';
import { isPartition, mailboxOfPartition } from '../ports/partitions.ts';
import type { Replies } from './replies.ts';
import { FrameShares, WHOLE_FRAMES } from './frame-shares.ts';

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
  /** A mailbox has refused a frame: it is full. Must not throw. */
  full?(mailbox: string, level: Omit<FullMailbox, 'kind'>): void;
  /** A mailbox has refused a frame: it is split by keys, into so many partitions. Must not throw. */
  split?(mailbox: string, partitions: number): void;
  /** The backend has not taken a frame. Must not throw. */
  failed?(error: HomeostatError): void;
}

type FullMailbox = Extract<AppendResult, { readonly kind: 'full' }>;

/** Idle outboxes to single nodes are dropped when there are more than this. */
const MAX_IDLE_OUTBOXES = 256;

export class Sending {
  readonly deadlines: Deadlines;
  readonly replies: Replies;
  readonly timeoutMs: number;
  readonly #needs: SendingNeeds;
  readonly #mailboxes = new Map<string, Outbox>();
  readonly #targets = new Map<string, Outbox>();
  readonly #inboxes = new Map<string, Outbox>();
  readonly #numbers = new Numbers();
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

  /** The member that this node is now. */
  get memberId(): string {
    return this.#needs.memberId();
  }

  /** The outbox to a mailbox, or to one node's part of it. @throws NodeClosed */
  open(mailbox: string, subject: string, target?: string): Outbox {
    if (this.#closed) throw new NodeClosed(subject);
    if (target !== undefined) return this.#targeted(mailbox, target);
    return this.#mailboxes.get(mailbox) ?? this.#add(this.#mailboxes, mailbox, this.#toMailbox(mailbox));
  }

  /** The outbox to a destination of its own kind, under a name that no mailbox has. @throws NodeClosed */
  custom(name: string, destination: () => Destination): Outbox {
    if (this.#closed) throw new NodeClosed(name);
    return this.#targets.get(name) ?? this.#bounded(name, destination());
  }

  #targeted(mailbox: string, target: string): Outbox {
    const name = `${mailbox}>${target}`;
    return this.#targets.get(name) ?? this.#bounded(name, this.#toMailbox(mailbox, target));
  }

  #bounded(name: string, destination: Destination): Outbox {
    if (this.#targets.size >= MAX_IDLE_OUTBOXES) dropIdle(this.#targets);
    return this.#add(this.#targets, name, destination);
  }

  /** Something is on its way to the mailbox, for whoever has room. */
  busy(mailbox: string): boolean {
    return this.#mailboxes.get(mailbox)?.idle === false;
  }

  /** The outbox to a node's inbox. */
  inbox(nodeId: string): Outbox {
    const known = this.#inboxes.get(nodeId);
    if (known !== undefined) return known;
    if (this.#inboxes.size >= MAX_IDLE_OUTBOXES) dropIdle(this.#inboxes);
    return this.#add(this.#inboxes, nodeId, this.#toInbox(nodeId));
  }

  /** Each mailbox that was sent to, and a number that is another one when more was sent. */
  sentTo(): Iterable<readonly [mailbox: string, frames: number]> {
    const sent = new Map<string, number>();
    for (const [name, { nextNumber }] of this.#mailboxes) {
      const mailbox = mailboxOfPartition(name);
      sent.set(mailbox, (sent.get(mailbox) ?? 0) + nextNumber);
    }
    return sent;
  }

  /** Refuses new requests; answers may still leave. */
  stop(): void {
    this.#closed = true;
  }

  /** Whether new requests are refused. */
  get stopped(): boolean {
    return this.#closed;
  }

  /** Whether everything has left. */
  get idle(): boolean {
    return this.#all().every((outbox) => outbox.idle);
  }

  close(): void {
    this.stop();
    for (const outbox of this.#all()) outbox.close();
  }

  #add(outboxes: Map<string, Outbox>, name: string, destination: Destination): Outbox {
    const outbox = new Outbox(destination, this.#needs.flusher, this.#needs.maxBodyBytes, this.#numbers);
    outboxes.set(name, outbox);
    return outbox;
  }

  #all(): Outbox[] {
    return [...this.#mailboxes.values(), ...this.#targets.values(), ...this.#inboxes.values()];
  }

  #toMailbox(mailbox: string, target?: string): Destination {
    const needs = this.#needs;
    const { broker, clock, memberId, ready } = needs;
    const shares = isPartition(mailbox) ? WHOLE_FRAMES : new FrameShares();
    return {
      async transmit(frame, number, count, at, patient): Promise<TransmitResult> {
        const result = await broker.append({
          mailbox,
          number,
          frame,
          count,
          ...(patient ? { patient } : undefined),
          ...(at === undefined ? undefined : { at }),
          ...(target === undefined ? undefined : { target }),
        });
        if (result.kind === 'full') {
          if (frame.byteLength <= result.maxBytes) needs.full?.(mailboxOfPartition(mailbox), result);
          return refusalOf(mailbox, frame.byteLength, count, result);
        }
        if (result.kind === 'partitioned') {
          needs.split?.(mailbox, result.partitions);
          return { kind: 'refused', refusal: new KeyRequired(mailbox) };
        }
        if (result.kind === 'accepted') shares.learn(result.hints);
        return result;
      },
      async transmitAll(frames, number): Promise<number> {
        const result = await broker.appendAll({
          mailbox,
          number,
          frames,
          ...(target === undefined ? undefined : { target }),
        });
        if (result.kind === 'not-member') return 0;
        shares.learn(result.hints);
        return result.taken;
      },
      turn: (signal) => broker.turn(mailbox, signal),
      from: memberId,
      ready,
      share: (method) => shares.of(method),
      failed: (error) => needs.failed?.(error),
      now: () => clock.now(),
    };
  }

  #toInbox(nodeId: string): Destination {
    const needs = this.#needs;
    const { broker, clock, memberId, ready } = needs;
    return {
      async transmit(frame): Promise<TransmitResult> {
        const result = await broker.reply(nodeId, frame);
        // An inbox that is gone has nobody waiting: the answer has arrived as far as it can.
        return result === 'not-member' ? { kind: 'not-member' } : { kind: 'accepted' };
      },
      from: memberId,
      ready,
      share: () => 0,
      failed: (error) => needs.failed?.(error),
      now: () => clock.now(),
    };
  }
}

/** What is larger than the whole mailbox is told so; where it is one of several it is found by halves. */
function refusalOf(mailbox: string, bytes: number, count: number, full: FullMailbox): TransmitResult {
  const { room, maxBytes } = full;
  if (bytes <= maxBytes) return { kind: 'full', room, refusal: new MailboxFull(mailbox, full) };
  if (count === 1) return { kind: 'refused', refusal: new PayloadTooLarge(bytes, maxBytes, `maxBytes of ${mailbox}`) };
  return { kind: 'full', room: Math.max(room, count >> 1), refusal: new MailboxFull(mailbox, full) };
}

function dropIdle(outboxes: Map<string, Outbox>): void {
  for (const [name, outbox] of outboxes) if (outbox.idle) outboxes.delete(name);
}
