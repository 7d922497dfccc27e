/** An envelope in a node's hands, with one ending. It is the handler's context too, so that one object serves both. */
import type { Context } from '../contract/actor.ts';
import type { Batch } from './batch.ts';
import type { Calling } from '../calling/calling.ts';
import { createClient, type Client, type ClientOptions } from '../calling/client.ts';
import type { Contract, MethodSpecs } from '../contract/contract.ts';
import type { Deadlined } from '../ground/deadlines.ts';
import { Kind, type Envelope } from '../wire/envelope.ts';
import { ActorError, type HomeostatError } from '../ground/errors.ts';
import type { KeyState } from '../contract/key-state.ts';
import type { Log } from '../ground/log.ts';
import { nested, type Scope } from '../calling/nested.ts';

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** Who carries a delivery's ending out. */
export interface DeliveryOwner {
  /** What its handler calls others with. */
  readonly calling: Calling;
  readonly log: Log;
  /** The deadline has passed while the handler runs. */
  overdue(delivery: Delivery): void;
}

export class Delivery implements Context, Deadlined {
  readonly batch: Batch;
  readonly index: number;
  readonly envelope: Envelope;
  /** Deliveries spent, this one included. */
  readonly attempt: number;
  /** When the handler was started, on the clock's `elapsed()`, ms. */
  readonly startedAt: number;
  due = 0;
  next: Deadlined | undefined = undefined;
  previous: Deadlined | undefined = undefined;
  slot = -1;
  ended = false;
  /** Its handler was started. */
  ran = false;
  /** Of a keyed delivery: what its handler may change, and by which link nested calls are known. */
  scope: Scope | undefined = undefined;
  private readonly owner: DeliveryOwner;
  private controller: AbortController | undefined = undefined;
  private reason: HomeostatError | undefined = undefined;

  constructor(owner: DeliveryOwner, batch: Batch, index: number, startedAt: number) {
    this.owner = owner;
    this.batch = batch;
    this.index = index;
    this.envelope = batch.frame.envelopes[index]!;
    this.attempt = batch.spent(index) + 1;
    this.startedAt = startedAt;
  }

  get isCall(): boolean {
    return this.envelope.kind === Kind.call;
  }

  get messageId(): string {
    return this.batch.messageId(this.index);
  }

  get method(): string {
    return this.envelope.method;
  }

  get caller(): string {
    return this.batch.frame.from;
  }

  get deadline(): number {
    return this.envelope.deadline;
  }

  get key(): string | undefined {
    return this.envelope.extras?.key;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.envelope.extras?.headers ?? NO_HEADERS;
  }

  get state(): KeyState | undefined {
    return this.scope?.state;
  }

  get log(): Log {
    return this.owner.log;
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.reason !== undefined) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  // Made when asked for, so that a handler may take its context apart: `({ id }, { fail }) => …`.
  get fail(): (code: string, details: unknown, message?: string) => ActorError {
    return (code, details, message) =>
      new ActorError(code, message ?? `${this.method} failed with ${code}`, { details });
  }

  get client(): <Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions) => Client<Methods> {
    return (contract, options) =>
      createClient(nested(this.owner.calling, this.headers, this.scope), contract, options, this.deadline);
  }

  expire(): void {
    this.owner.overdue(this);
  }

  /** Tells the handler that its work is not wanted any more. */
  abort(reason: HomeostatError): void {
    this.reason ??= reason;
    this.controller?.abort(reason);
  }

  /** Whether it has been told so. */
  get aborted(): boolean {
    return this.reason !== undefined;
  }
}
