import type { Actor } from '../../contract/actor.ts';
import type { Delivery } from '../delivery.ts';
import { MethodNotFound } from '../../ground/errors.ts';
import { failureOf, handle, handlings, isThenable, type Handling } from '../handle.ts';
import type { ServerMiddleware } from '../../calling/middleware.ts';
import { PING } from '../../calling/ping.ts';
import type { Ended, Pool } from '../pool.ts';
import { handleThrough } from '../server-middleware.ts';

/** Runs handlers on the node's own thread, as many at once as its concurrency allows. For work that mostly waits. */
export class AsyncPool implements Pool {
  readonly kind = 'async';
  capacity: number;
  readonly #actor: Actor;
  readonly #handlings: ReadonlyMap<string, Handling>;
  readonly #middleware: readonly ServerMiddleware[];

  constructor(actor: Actor, middleware: readonly ServerMiddleware[] = []) {
    this.capacity = actor.policy.concurrency;
    this.#actor = actor;
    this.#handlings = handlings(actor);
    this.#middleware = middleware;
  }

  get size(): number {
    return this.capacity;
  }

  run(delivery: Delivery, _limitMs: number, ended: Ended): boolean {
    let result: unknown;
    try {
      result = this.#handle(delivery);
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

  resize(size: number): void {
    this.capacity = size;
  }

  async close(): Promise<void> {}

  #handle(delivery: Delivery): unknown {
    const { envelope } = delivery;
    const handling = this.#handlings.get(envelope.method);
    if (handling === undefined) {
      if (envelope.method === PING) return undefined;
      throw new MethodNotFound(this.#actor.contract.mailbox, envelope.method);
    }
    const body = delivery.readBody();
    if (this.#middleware.length === 0) return handle(handling, body, delivery);
    return handleThrough(this.#middleware, this.#actor.contract.name, delivery, body, (input) =>
      handle(handling, input, delivery),
    );
  }
}
