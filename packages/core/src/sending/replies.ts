/** The calls of one node that wait for their answers. */
import type { Clock } from '../ground/clock.ts';
import type { Deadlines } from '../ground/deadlines.ts';
import { fromWireError, Kind, type Envelope } from '../wire/envelope.ts';
import { messageOf, NodeClosed, NotMember, TransportError } from '../ground/errors.ts';
import { readBody, readFrame, type Frame } from '../wire/frame.ts';
import type { Log } from '../ground/log.ts';
import { Waiting } from './waiting.ts';

/** A call that waits for its answer. */
export class WaitingCall extends Waiting {
  readonly correlation: number;
  private readonly pending: Map<number, WaitingCall>;

  constructor(
    pending: Map<number, WaitingCall>,
    correlation: number,
    deadlines: Deadlines,
    subject: string,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    super(deadlines, subject, timeoutMs, resolve, reject);
    this.pending = pending;
    this.correlation = correlation;
  }

  /** Being accepted is not the end of a call: its answer is. */
  accepted(): void {}

  protected override forget(): void {
    this.pending.delete(this.correlation);
  }
}

/** Takes what is no answer to a call. False: nobody knows of it. */
export type Elsewhere = (frame: Frame, envelope: Envelope) => boolean;

export class Replies {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #log: Log;
  readonly #maxBodyBytes: number;
  readonly #elsewhere: Elsewhere;
  readonly #pending = new Map<number, WaitingCall>();
  #correlation = 0;
  /** Answers that came after their call had ended, or came twice. */
  late = 0;
  /** Told of what is no answer. Must not throw. */
  onCast: (frame: Frame, envelope: Envelope) => void = () => {};

  constructor(clock: Clock, deadlines: Deadlines, log: Log, maxBodyBytes: number, elsewhere: Elsewhere = () => false) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#log = log;
    this.#maxBodyBytes = maxBodyBytes;
    this.#elsewhere = elsewhere;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** What the next thing asked for is known by. */
  correlation(): number {
    this.#correlation += 1;
    return this.#correlation;
  }

  /** Registers a call that must end within `timeoutMs`. */
  open(
    subject: string,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): WaitingCall {
    const call = new WaitingCall(
      this.#pending,
      this.correlation(),
      this.#deadlines,
      subject,
      timeoutMs,
      resolve,
      reject,
    );
    this.#pending.set(call.correlation, call);
    this.#deadlines.add(call, this.#clock.elapsed() + timeoutMs);
    return call;
  }

  /** Takes frames of this node's inbox. Whatever they hold, it never throws. */
  receive(frames: readonly Uint8Array[]): void {
    for (const bytes of frames) {
      try {
        this.#receiveFrame(bytes);
      } catch (thrown) {
        this.#log.error({ evt: 'reply_invalid', reason: messageOf(thrown) }, 'an inbox entry is no valid frame');
      }
    }
  }

  /** Fails every call that has left: its answer goes to an inbox that is no more. The others leave under the new id. */
  lose(nodeId: string): void {
    for (const call of [...this.#pending.values()]) if (call.travels) call.fail(new NotMember(nodeId));
  }

  /** Fails every call that waits. */
  close(): void {
    for (const call of [...this.#pending.values()])
      call.fail(new NodeClosed('call', call.travels ? 'unknown' : 'not-executed'));
  }

  #receiveFrame(bytes: Uint8Array): void {
    const frame = readFrame(bytes, { maxBodyBytes: this.#maxBodyBytes });
    for (const envelope of frame.envelopes) {
      if (envelope.kind === Kind.cast) {
        this.onCast(frame, envelope);
        continue;
      }
      // Numbers of the kinds above are not always ours.
      const call = envelope.kind > Kind.error ? undefined : this.#pending.get(envelope.correlation);
      if (call === undefined) {
        if (!this.#elsewhere(frame, envelope)) this.late += 1;
        continue;
      }
      try {
        const body = readBody(frame.bytes, envelope.bodyStart, envelope.bodyEnd);
        if (envelope.kind === Kind.reply) call.succeed(body);
        else if (envelope.kind === Kind.error) call.fail(fromWireError(body));
      } catch (thrown) {
        call.fail(new TransportError(`the answer could not be read: ${messageOf(thrown)}`));
      }
    }
  }
}
