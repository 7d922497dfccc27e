/** Every stream that this node produces: whose credit is whose. */
import { HandlerError, StreamBroken } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Outbox } from '../sending/outbox.ts';
import { isIterable } from './item-stream.ts';
import { Outgoing, type OutgoingNeeds } from './outgoing.ts';

export interface OutgoingStreamsNeeds {
  readonly log: Log;
  inbox(nodeId: string): Outbox;
}

export interface Produced extends Pick<OutgoingNeeds, 'delivery' | 'yielding' | 'end' | 'began'> {
  /** What the handler answered. */
  readonly answer: unknown;
}

export class OutgoingStreams {
  readonly #needs: OutgoingStreamsNeeds;
  readonly #streams = new Map<string, Outgoing>();

  constructor(needs: OutgoingStreamsNeeds) {
    this.#needs = needs;
  }

  /** Streams under way. */
  get size(): number {
    return this.#streams.size;
  }

  /** Whom they are for. */
  *readers(): Iterable<string> {
    for (const stream of this.#streams.values()) yield stream.reader;
  }

  /** Sends what the handler of a call yields to its caller. @throws HandlerError, StreamBroken when there is nothing to send */
  start({ answer, ...produced }: Produced): void {
    const { delivery, yielding } = produced;
    const { inbox, log } = this.#needs;
    if (!isIterable(answer)) {
      throw new HandlerError(
        `${yielding.subject}: the handler of a method that yields must be an async generator: async function* (input, ctx) { … }`,
        { retryable: false },
      );
    }
    const name = nameOf(delivery.caller, delivery.envelope.correlation);
    const reader = delivery.batch.frame.replyTo ?? delivery.caller;
    if (this.#streams.has(name)) throw new StreamBroken(yielding.subject, 'it is under way here already');
    const stream = new Outgoing({
      ...produced,
      log,
      items: answer,
      inbox: () => inbox(reader),
      over: () => this.#streams.delete(name),
    });
    this.#streams.set(name, stream);
    stream.start();
  }

  /** The reader has taken so many items of its stream. */
  credit(reader: string, correlation: number, taken: number): void {
    const believable = this.#streams.get(nameOf(reader, correlation))?.credit(taken) ?? true;
    if (believable) return;
    this.#needs.log.warn(
      { evt: 'credit_invalid', reader, taken },
      'a reader says it has taken more of a stream than was sent',
    );
  }
}

function nameOf(reader: string, correlation: number): string {
  return `${reader} ${correlation}`;
}
