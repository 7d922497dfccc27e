import type { Actor } from '../actor.ts';
import type { Delivery } from '../delivery.ts';
import { MethodNotFound } from '../errors.ts';
import { readBody } from '../frame.ts';
import { failureOf, handle, handlings, isThenable, type Handling } from '../handle.ts';
import type { Ended, Pool } from '../pool.ts';

/** Runs handlers on the node's own thread, as many at once as its concurrency allows. For work that mostly waits. */
export class AsyncPool implements Pool {
  readonly kind = 'async';
  readonly capacity: number;
  readonly #mailbox: string;
  readonly #handlings: ReadonlyMap<string, Handling>;

  constructor(actor: Actor) {
    this.capacity = actor.policy.concurrency;
    this.#mailbox = actor.contract.mailbox;
    this.#handlings = handlings(actor);
  }

  run(delivery: Delivery, _limitMs: number, ended: Ended): boolean {
    let result: unknown;
    try {
      const { envelope, batch } = delivery;
      const handling = this.#handlings.get(envelope.method);
      if (handling === undefined) throw new MethodNotFound(this.#mailbox, envelope.method);
      result = handle(handling, readBody(batch.frame.bytes, envelope.bodyStart, envelope.bodyEnd), delivery);
    } catch (thrown) {
      ended.failed(delivery, failureOf(thrown));
      return false;
    }
    if (!isThenable(result)) {
      ended.value(delivery, result);
      return false;
    }
    result.then(
      (value) => ended.value(delivery, value),
      (thrown: unknown) => ended.failed(delivery, failureOf(thrown)),
    );
    return true;
  }

  /** A function cannot be ended from outside: its signal has been aborted, more is not possible. */
  abandon(): void {}

  async close(): Promise<void> {}
}
