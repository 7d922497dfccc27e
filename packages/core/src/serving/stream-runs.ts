/** Runs of methods that answer with a stream: what the handler answers is where the items come from. */
import type { Delivery } from './delivery.ts';
import type { Streams } from './dispatcher-needs.ts';
import type { Exits } from './exits.ts';
import type { Clock } from '../ground/clock.ts';
import type { Ended } from './pool.ts';
import type { StreamDelivery } from './stream-delivery.ts';
import type { StreamEnd } from '../streaming/outgoing.ts';
import { toWireError, type WireError } from '../wire/envelope.ts';

export class StreamRuns implements Ended {
  readonly #streams: Streams;
  readonly #clock: Clock;
  readonly #exits: Exits;
  readonly #end: StreamEnd;

  constructor(streams: Streams, clock: Clock, exits: Exits) {
    this.#streams = streams;
    this.#clock = clock;
    this.#exits = exits;
    this.#end = {
      complete: (delivery, count) => exits.value(delivery, count),
      failed: (delivery, error) => exits.failed(delivery, error),
      stopped: (delivery) => exits.skip(delivery),
    };
  }

  yields(method: string): boolean {
    return this.#streams.yields.has(method);
  }

  /** A stream may take until its own end; the deadline that was looked at is for its beginning. */
  limitMs({ deadline }: StreamDelivery): number {
    return deadline === 0 ? Infinity : Math.max(1, deadline - this.#clock.now());
  }

  /** Also of a delivery that has ended: what its handler has opened by then is closed. */
  value(delivery: Delivery, answer: unknown): void {
    const { yields, outgoing } = this.#streams;
    const yielding = yields.get(delivery.method)!;
    const began = (): void => void ((delivery as StreamDelivery).beganAt = this.#clock.elapsed());
    try {
      outgoing.start({ delivery, yielding, answer, began, end: this.#end });
    } catch (thrown) {
      this.failed(delivery, { ...toWireError(thrown), outcome: 'failed' });
    }
  }

  bytes(delivery: Delivery): void {
    this.value(delivery, undefined);
  }

  failed(delivery: Delivery, error: WireError): void {
    this.#exits.failed(delivery, error);
  }
}
