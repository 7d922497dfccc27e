/** Where handlers run. Two kinds: on the node's own thread (`pools/async.ts`) or in worker threads (`pools/threads.ts`). */
import type { WireError } from '../wire/envelope.ts';
import type { Delivery } from './delivery.ts';

/** What a worker thread needs of a message. */
export interface Job {
  readonly method: string;
  /** Encoded body; undefined for a body that is `undefined`. */
  readonly body: Uint8Array | undefined;
  readonly context: JobContext;
}

export interface JobContext {
  readonly messageId: string;
  readonly attempt: number;
  /** Absolute, ms in backend time; 0 when there is none. */
  readonly deadline: number;
  readonly remainingMs: number;
  readonly caller: string;
  readonly key?: string;
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type JobOutcome =
  | { readonly ok: true; readonly body: Uint8Array | undefined }
  | { readonly ok: false; readonly error: WireError };

/** How one run ended: with a value, with a body that is encoded already, or with an error. */
export interface Ended {
  value(delivery: Delivery, value: unknown): void;
  bytes(delivery: Delivery, body: Uint8Array | undefined): void;
  failed(delivery: Delivery, error: WireError): void;
}

export interface Pool {
  readonly kind: 'async' | 'threads';
  /** Handlers that can run at once. */
  readonly size: number;
  /** Deliveries worth giving to it at once; not less than its size. */
  readonly capacity: number;
  /**
   * Runs one delivery for at most `limitMs` and tells `ended` exactly once, possibly before this returns. Answers
   * whether it is still running then. Never throws.
   */
  run(delivery: Delivery, limitMs: number, ended: Ended): boolean;
  /** The delivery's deadline has passed, or the node gave it up: end it if the pool can. */
  abandon(delivery: Delivery): void;
  /** Changes the size while it works; what runs beyond a smaller one ends in its own time. */
  resize(size: number): void;
  close(graceMs: number): Promise<void>;
}
