/**
 * A pool that knows of which keys a handler runs here. A handler that does not stop outlives the end of its message (its
 * deadline, `maxRunMs`), and even the membership under which it was started: its key is taken until it returns.
 */
import type { Delivery } from '../serving/delivery.ts';
import type { Ended, Pool } from '../serving/pool.ts';
import type { WireError } from '../wire/envelope.ts';

export class KeyedPool implements Pool {
  readonly #inner: Pool;
  readonly #freed: (key: string) => void;
  readonly #taken = new Set<string>();
  #returning: Returning | undefined;

  /** @param freed is told when a handler has returned, before its message ends if it has not. */
  constructor(inner: Pool, freed: (key: string) => void) {
    this.#inner = inner;
    this.#freed = freed;
  }

  /** A handler of the key runs. */
  isTaken(key: string): boolean {
    return this.#taken.has(key);
  }

  get kind(): Pool['kind'] {
    return this.#inner.kind;
  }

  get size(): number {
    return this.#inner.size;
  }

  get capacity(): number {
    return this.#inner.capacity;
  }

  run(delivery: Delivery, limitMs: number, ended: Ended): boolean {
    const { key } = delivery;
    if (key === undefined) return this.#inner.run(delivery, limitMs, ended);
    this.#taken.add(key);
    if (this.#returning?.ended !== ended) this.#returning = new Returning(ended, (returned) => this.#free(returned));
    return this.#inner.run(delivery, limitMs, this.#returning);
  }

  abandon(delivery: Delivery): void {
    this.#inner.abandon(delivery);
  }

  resize(size: number): void {
    this.#inner.resize(size);
  }

  close(graceMs: number): Promise<void> {
    return this.#inner.close(graceMs);
  }

  #free({ key = '' }: Delivery): void {
    this.#taken.delete(key);
    this.#freed(key);
  }
}

/** Frees the key first: what ends then looks for what may run next. */
class Returning implements Ended {
  readonly ended: Ended;
  readonly #free: (delivery: Delivery) => void;

  constructor(ended: Ended, free: (delivery: Delivery) => void) {
    this.ended = ended;
    this.#free = free;
  }

  value(delivery: Delivery, value: unknown): void {
    this.#free(delivery);
    this.ended.value(delivery, value);
  }

  bytes(delivery: Delivery, body: Uint8Array | undefined): void {
    this.#free(delivery);
    this.ended.bytes(delivery, body);
  }

  failed(delivery: Delivery, error: WireError): void {
    this.#free(delivery);
    this.ended.failed(delivery, error);
  }
}
