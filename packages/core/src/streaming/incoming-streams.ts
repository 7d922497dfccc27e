/** Every stream that this node reads: finds whose an item is, and tells producers what is taken and what is not wanted. */
import type { Clock } from '../ground/clock.ts';
import type { Deadlines } from '../ground/deadlines.ts';
import { messageOf, type HomeostatError } from '../ground/errors.ts';
import { NO_RECEIPT } from '../sending/no-receipt.ts';
import type { Outbox } from '../sending/outbox.ts';
import { fromWireError, Kind, type Envelope } from '../wire/envelope.ts';
import { readBody, type Frame } from '../wire/frame.ts';
import { Incoming } from './incoming.ts';
import type { StreamTerms } from './terms.ts';

export interface IncomingStreamsNeeds {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  correlation(): number;
  inbox(nodeId: string): Outbox;
  /** Tells every node that serves the mailbox that a call is not wanted any more. */
  cancel(mailbox: string, correlation: number): void;
}

export interface Asked {
  readonly subject: string;
  readonly mailbox: string;
  readonly terms: StreamTerms;
  /** Called once, whichever way it ends. */
  over(): void;
  /** Called once, when its first item, or its end, is there; or with why neither will be. */
  opened(stream: Incoming): void;
  refused(error: HomeostatError): void;
}

/** Streams remembered whose producers have been told to stop: what was under way still comes. */
const MOST_STOPPED = 4_096;

export class IncomingStreams {
  readonly #needs: IncomingStreamsNeeds;
  readonly #streams = new Map<number, Incoming>();
  readonly #stopped = new Set<number>();

  constructor(needs: IncomingStreamsNeeds) {
    this.#needs = needs;
  }

  /** Streams that have not ended. */
  get size(): number {
    return this.#streams.size;
  }

  /** Who produces them, as far as it is known. */
  *producers(): Iterable<string> {
    for (const { producer } of this.#streams.values()) if (producer !== undefined) yield producer;
  }

  /** A stream that nobody has been asked for yet, and what its items are known by. */
  open({ mailbox, over, ...asked }: Asked): { readonly stream: Incoming; readonly correlation: number } {
    const { clock, deadlines, correlation: next } = this.#needs;
    const correlation = next();
    const stream = new Incoming({
      ...asked,
      clock,
      deadlines,
      credit: (producer, taken) => this.#needs.inbox(producer).credit(correlation, taken, NO_RECEIPT),
      cancel: (producer) => {
        if (producer === undefined) this.#needs.cancel(mailbox, correlation);
        else this.#stop(producer, correlation);
      },
      over: () => {
        this.#streams.delete(correlation);
        over();
      },
    });
    this.#streams.set(correlation, stream);
    return { stream, correlation };
  }

  /** An item, or a stream's end. False: nobody knows of it. Never throws. */
  take(frame: Frame, envelope: Envelope): boolean {
    const { kind, correlation } = envelope;
    const stream = this.#streams.get(correlation);
    if (kind === Kind.item) {
      if (stream !== undefined) stream.item(frame, envelope);
      else if (!this.#stopped.has(correlation)) this.#stop(frame.from, correlation);
      return true;
    }
    if (stream === undefined || (kind !== Kind.reply && kind !== Kind.error)) return false;
    try {
      const body = readBody(frame.bytes, envelope.bodyStart, envelope.bodyEnd);
      if (kind === Kind.error) stream.fail(fromWireError(body));
      else stream.finish(frame.from, body);
    } catch (thrown) {
      stream.break(`its end could not be read: ${messageOf(thrown)}`);
    }
    return true;
  }

  /** A node is no member any more: what it produces ends here. */
  gone(nodeId: string): void {
    for (const stream of [...this.#streams.values()])
      if (stream.producer === nodeId) stream.break(`node ${nodeId} is gone`);
  }

  /** Ends what has been asked for: its items go to an inbox that is no more. */
  lose(error: HomeostatError): void {
    for (const stream of [...this.#streams.values()]) if (stream.travels) stream.fail(error);
  }

  /** Ends all of them; their producers are told. */
  close(reason: HomeostatError): void {
    for (const stream of [...this.#streams.values()]) stream.stop(reason);
  }

  #stop(producer: string, correlation: number): void {
    this.#needs.inbox(producer).cancel(correlation, NO_RECEIPT);
    this.#stopped.add(correlation);
    if (this.#stopped.size <= MOST_STOPPED) return;
    const [first] = this.#stopped;
    this.#stopped.delete(first!);
  }
}
