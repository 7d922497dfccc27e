/** An envelope in a node's hands, with one ending. It is the handler's context too, so that one object serves both. */
import { setMaxListeners } from 'node:events';
import type { Context } from '../contract/actor.ts';
import type { Batch } from './batch.ts';
import type { Calling } from '../calling/calling.ts';
import { createClient, type Client, type ClientOptions } from '../calling/client.ts';
import type { Follower, Scope } from '../ground/scope.ts';
import type { Contract, MethodSpecs } from '../contract/contract.ts';
import type { Deadlined } from '../ground/deadlines.ts';
import { Kind, type Envelope } from '../wire/envelope.ts';
import { ActorError, type HomeostatError } from '../ground/errors.ts';
import type { KeyState } from '../contract/key-state.ts';
import type { Log } from '../ground/log.ts';
import { nested, type KeyedScope } from '../calling/nested.ts';
import { MAX_CLAIMED_BYTES } from '../policies/service-settings.ts';
import type { Chained } from './chain.ts';
import { openBody, readBody } from '../wire/frame.ts';

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** Who carries a delivery's ending out. */
export interface DeliveryOwner {
  /** What its handler calls others with. */
  readonly calling: Calling;
  readonly log: Log;
  /** The deadline has passed while the handler runs. */
  overdue(delivery: Delivery): void;
}

export class Delivery implements Context, Deadlined, Chained, Scope {
  readonly batch: Batch;
  readonly index: number;
  readonly envelope: Envelope;
  /** Deliveries spent, this one included. */
  readonly attempt: number;
  /** When the handler was started, or has its place at least, on the clock's `elapsed()`, ms. */
  startedAt: number;
  due = 0;
  next: Deadlined | undefined = undefined;
  previous: Deadlined | undefined = undefined;
  slot = -1;
  before: Chained | undefined = undefined;
  after: Chained | undefined = undefined;
  ended = false;
  /** Its handler was started. */
  ran = false;
  /** The body, where it lay beside the mailbox. */
  claimed: Uint8Array | undefined = undefined;
  /** It was settled before it was run: nobody will ever have it again. */
  settled = false;
  /** It was given up while its handler runs on. */
  runsOn = false;
  /** Given where somebody has to do something when it has ended; see `whenEnded`. */
  onEnded: (() => void) | undefined = undefined;
  /** Of a keyed delivery: what its handler may change, and by which link nested calls are known. */
  scope: KeyedScope | undefined = undefined;
  private readonly owner: DeliveryOwner;
  private controller: AbortController | undefined = undefined;
  private reason: HomeostatError | undefined = undefined;
  private followers: Set<Follower> | undefined = undefined;

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

  /** Encoded; undefined for a body that is `undefined`. */
  get bodyBytes(): Uint8Array | undefined {
    if (this.claimed !== undefined) return this.claimed;
    const { bodyStart, bodyEnd } = this.envelope;
    return bodyEnd === 0 ? undefined : this.batch.frame.bytes.subarray(bodyStart, bodyEnd);
  }

  /** @throws FrameInvalid */
  readBody(): unknown {
    const { bodyStart, bodyEnd } = this.envelope;
    return this.claimed === undefined
      ? readBody(this.batch.frame.bytes, bodyStart, bodyEnd)
      : openBody(this.claimed, MAX_CLAIMED_BYTES);
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

  get id(): string | undefined {
    return this.envelope.extras?.id;
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
      // Whatever a handler waits for at once may heed it.
      setMaxListeners(0, this.controller.signal);
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
      createClient(nested(this.owner.calling, this.headers, this.scope), contract, options, this.deadline, this);
  }

  /** What a gate gave it is given back when it has ended, however it does. Must not throw. */
  whenEnded(act: () => void): void {
    const before = this.onEnded;
    this.onEnded =
      before === undefined
        ? act
        : () => {
            before();
            act();
          };
  }

  expire(): void {
    this.owner.overdue(this);
  }

  /** How long its caller waited for the handler's answer, which is there by now; on the clock's `elapsed()`, ms. */
  answerMs(now: number): number {
    return now - this.startedAt;
  }

  /** Tells the handler that its work is not wanted any more. */
  abort(reason: HomeostatError): void {
    const first = this.reason === undefined;
    this.reason ??= reason;
    this.controller?.abort(reason);
    if (first && this.followers !== undefined) for (const follower of [...this.followers]) follower(reason);
  }

  /** Why its work is not wanted any more. */
  get gaveUp(): HomeostatError | undefined {
    return this.reason;
  }

  follow(follower: Follower): void {
    (this.followers ??= new Set()).add(follower);
  }

  unfollow(follower: Follower): void {
    this.followers?.delete(follower);
  }

  /** Something that it has asked for has not been answered. */
  get waitsForOthers(): boolean {
    return this.followers !== undefined && this.followers.size > 0;
  }

  /** Whether it has been told so. */
  get aborted(): boolean {
    return this.reason !== undefined;
  }
}
