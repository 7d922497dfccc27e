/**
 * One call that is run in its caller's process. Caller and handler share no object: bodies go through the codec both ways,
 * and every limit holds as if they had travelled.
 */
import { Batch } from './batch.ts';
import type { Clock } from '../ground/clock.ts';
import type { Deadlined, Deadlines } from '../ground/deadlines.ts';
import { Delivery, type DeliveryOwner } from './delivery.ts';
import { fromWireError, Kind, toWireError, type Extras, type WireError } from '../wire/envelope.ts';
import { CallTimeout, HandlerTimeout, MethodNotFound, type HomeostatError } from '../ground/errors.ts';
import { encodeBody, readBody } from '../wire/frame.ts';
import { PING, type Pong } from '../calling/ping.ts';
import type { Ended, Pool } from './pool.ts';

/** A handler that has been told to stop keeps its room this long at most, ms. */
export const STOP_GRACE_MS = 5_000;

export interface LocalRequest {
  readonly method: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly key?: string | undefined;
  /** Absolute, backend time, ms. */
  readonly deadline: number;
  /** Of the body, encoded. Default: the node's own limit. */
  readonly maxBodyBytes?: number | undefined;
}

export interface LocalRun {
  /** Its handler has been started. */
  readonly started: boolean;
  /** The caller does not want it any more: it is told the reason, the handler's signal aborts. */
  abort(reason: HomeostatError): void;
}

/** What a dispatcher lends to its local calls. */
export interface LocalRoom {
  readonly owner: DeliveryOwner;
  readonly pool: Pool;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly mailbox: string;
  readonly maxBodyBytes: number;
  readonly memberId: () => string;
  readonly pong: () => Pong;
  readonly knows: (method: string) => boolean;
  /** Takes a place if one is free now. */
  readonly enter: (method: string, waitedMs: number) => boolean;
  /** Gives it back. `code` says how the handler failed; `ms` is absent when none was run. */
  readonly leave: (method: string, ms: number | undefined, code: string | undefined) => void;
  /** A deadline passed before its call could start. */
  readonly expired: () => void;
}

/** What a handler is given: like any delivery, but for an id that says where it ran. */
class LocalDelivery extends Delivery {
  override get messageId(): string {
    return `${this.batch.frame.from}/local.${this.batch.frame.number}`;
  }
}

/** One call from its caller to its end. The caller may have its answer (too late, aborted) before the handler ends. */
export class LocalCall implements LocalRun, Ended, Deadlined {
  due = 0;
  next: Deadlined | undefined = undefined;
  previous: Deadlined | undefined = undefined;
  slot = -1;
  readonly #over: (call: LocalCall) => void;
  readonly #room: LocalRoom;
  readonly #request: LocalRequest;
  readonly #number: number;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;
  readonly #arrivedAt: number;
  #body: Uint8Array | undefined;
  #delivery: LocalDelivery | undefined;
  #told = false;
  #ended = false;

  constructor(
    over: (call: LocalCall) => void,
    room: LocalRoom,
    request: LocalRequest,
    number: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.#over = over;
    this.#room = room;
    this.#request = request;
    this.#number = number;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#arrivedAt = room.clock.elapsed();
  }

  get method(): string {
    return this.#request.method;
  }

  get started(): boolean {
    return this.#delivery !== undefined;
  }

  get subject(): string {
    return `${this.#room.mailbox} ${this.method}`;
  }

  /** Since it arrived, ms. */
  get waitedMs(): number {
    return this.#room.clock.elapsed() - this.#arrivedAt;
  }

  /** Freezes the body and sets the deadline. False: it is over already. */
  prepare(): boolean {
    const { body, deadline, maxBodyBytes = this.#room.maxBodyBytes } = this.#request;
    try {
      if (!this.#room.knows(this.method)) throw new MethodNotFound(this.#room.mailbox, this.method);
      this.#body = encodeBody(body, maxBodyBytes);
    } catch (thrown) {
      this.abort(thrown as HomeostatError);
      return false;
    }
    const left = deadline - this.#room.clock.now();
    if (left <= 0) {
      this.#expire();
      return false;
    }
    this.#room.deadlines.add(this, this.#arrivedAt + left);
    return true;
  }

  start(): void {
    const delivery = (this.#delivery = this.#deliver());
    if (this.method !== PING) delivery.ran = true;
    this.#room.pool.run(delivery, Math.max(1, this.#request.deadline - this.#room.clock.now()), this);
  }

  abort(reason: HomeostatError): void {
    this.#tell(() => this.#reject(reason));
    if (!this.started) this.#end();
    else this.#stop(reason);
  }

  giveUp(reason: HomeostatError): void {
    this.abort(reason);
    this.#leave(reason.code);
  }

  expire(): void {
    if (this.#delivery === undefined) {
      this.#expire();
    } else if (this.#delivery.aborted) {
      this.#leave('HANDLER_TIMEOUT');
    } else {
      const ranMs = this.#room.clock.elapsed() - this.#delivery.startedAt;
      this.#tell(() => this.#reject(new CallTimeout(this.subject, this.waitedMs)));
      this.#stop(new HandlerTimeout(this.subject, Math.round(ranMs)));
    }
  }

  value(delivery: Delivery, value: unknown): void {
    if (this.#ended) return;
    let body: Uint8Array | undefined;
    try {
      body = encodeBody(this.method === PING ? this.#room.pong() : value, this.#room.maxBodyBytes);
    } catch (thrown) {
      this.failed(delivery, { ...toWireError(thrown), outcome: 'failed' });
      return;
    }
    this.#succeed(body);
  }

  bytes(delivery: Delivery, body: Uint8Array | undefined): void {
    if (this.method === PING) this.value(delivery, undefined);
    else this.#succeed(body);
  }

  failed(_delivery: Delivery, error: WireError): void {
    if (this.#ended) return;
    this.#leave(error.code);
    this.#tell(() => this.#reject(fromWireError(copyOf(error, this.#room.maxBodyBytes))));
  }

  #succeed(body: Uint8Array | undefined): void {
    if (this.#ended) return;
    this.#leave(undefined);
    this.#tell(() => this.#resolve(body && readBody(body, 0, body.byteLength)));
  }

  #deliver(): LocalDelivery {
    const { owner, memberId, clock } = this.#room;
    const { method, key, headers, deadline } = this.#request;
    const bytes = this.#body ?? new Uint8Array();
    const extras: Extras | undefined =
      key === undefined && headers === undefined
        ? undefined
        : { ...(key !== undefined && { key }), ...(headers !== undefined && { headers: { ...headers } }) };
    const envelope = {
      kind: Kind.call,
      method,
      correlation: 0,
      deadline,
      extras,
      number: 0,
      bodyStart: 0,
      bodyEnd: bytes.byteLength,
    };
    const from = memberId();
    const frame = { bytes, from, number: this.#number, replyTo: null, sentAt: clock.now(), envelopes: [envelope] };
    const claim = { mailbox: '', id: '', frame: bytes, count: 1, deliveries: 0, crashes: 0 };
    return new LocalDelivery(owner, new Batch(claim, frame, this.#arrivedAt, false), 0, clock.elapsed());
  }

  #expire(): void {
    this.#room.expired();
    this.abort(new CallTimeout(this.subject, this.waitedMs, 'not-executed'));
  }

  /** The handler is told to stop, and given up when it does not. */
  #stop(reason: HomeostatError): void {
    const delivery = this.#delivery!;
    if (this.#ended || delivery.aborted) return;
    delivery.abort(reason);
    this.#room.pool.abandon(delivery);
    if (this.#ended) return;
    this.#room.deadlines.remove(this);
    this.#room.deadlines.add(this, this.#room.clock.elapsed() + STOP_GRACE_MS);
  }

  /** Its handler has ended, or is not waited for any longer. */
  #leave(code: string | undefined): void {
    if (this.#ended) return;
    const delivery = this.#delivery!;
    delivery.ended = true;
    this.#end();
    const ms = delivery.ran ? this.#room.clock.elapsed() - delivery.startedAt : undefined;
    this.#room.leave(this.method, ms, code);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#room.deadlines.remove(this);
    this.#over(this);
  }

  #tell(tell: () => void): void {
    if (this.#told) return;
    this.#told = true;
    tell();
  }
}

/** So that the error shares nothing with what was thrown; details that cannot travel are left out, as they would be on the way. */
function copyOf(error: WireError, maxBodyBytes: number): unknown {
  let bytes: Uint8Array | undefined;
  try {
    bytes = encodeBody(error, maxBodyBytes);
  } catch {
    bytes = encodeBody({ ...error, details: undefined, issues: undefined }, maxBodyBytes);
  }
  return bytes && readBody(bytes, 0, bytes.byteLength);
}
