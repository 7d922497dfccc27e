/** The caller's side of a contract: checks the input, freezes an envelope, hands it to the outbox. */
import type { Contract, ErrorCode, ErrorDetails, Input, MethodSpec, MethodSpecs, Output } from './contract.ts';
import type { Extras } from './envelope.ts';
import {
  Aborted,
  CallTimeout,
  ConfigError,
  HandlerError,
  HomeostatError,
  messageOf,
  type ActorError,
} from './errors.ts';
import { parseOptions, clientOptionsSchema } from './options.ts';
import { checkCastOptions, checkRequestOptions, type CastOptions, type RequestOptions } from './request-options.ts';
import type { Sending } from './sending.ts';
import type { StandardSchema } from './standard-schema.ts';
import { validate } from './validate.ts';
import { WaitingCast } from './waiting.ts';

export interface ClientOptions {
  /** Of every call and cast of this client that names none, ms. Default: the node's (30 s). */
  readonly timeoutMs?: number;
}

/** Codes that the runtime itself answers with; a handler's own errors carry theirs. */
export type RuntimeCode =
  | 'ABORTED'
  | 'BACKEND_FULL'
  | 'CALL_TIMEOUT'
  | 'CONFIG'
  | 'HANDLER'
  | 'HANDLER_TIMEOUT'
  | 'KIND_UNKNOWN'
  | 'MAILBOX_FULL'
  | 'METHOD_NOT_FOUND'
  | 'NODE_CLOSED'
  | 'NODE_DIED'
  | 'NOT_MEMBER'
  | 'OUTPUT_INVALID'
  | 'PAYLOAD_TOO_LARGE'
  | 'SERIALIZATION'
  | 'TRANSPORT'
  | 'VALIDATION'
  | 'WORKER';

export type DeclaredError<M extends MethodSpec> = {
  [Code in ErrorCode<M>]: ActorError & { readonly code: Code; readonly details: ErrorDetails<M, Code> };
}[ErrorCode<M>];

/** What a call of method `M` may fail with, told apart by `code`. */
export type CallError<M extends MethodSpec> = DeclaredError<M> | (HomeostatError & { readonly code: RuntimeCode });

export type Result<Value, Failure = HomeostatError> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Failure };

type Arguments<M extends MethodSpec, Options> =
  undefined extends Input<M> ? [input?: Input<M>, options?: Options] : [input: Input<M>, options?: Options];

export interface Caller<M extends MethodSpec> {
  /** Asks and waits. Rejects with a declared error of the method or one of the runtime's. */
  (...args: Arguments<M, RequestOptions>): Promise<Output<M>>;
  /** Asks and waits; never rejects. */
  try(...args: Arguments<M, RequestOptions>): Promise<Result<Output<M>, CallError<M>>>;
  /** Tells, durably: resolves when the backend has accepted the message. */
  cast(...args: Arguments<M, CastOptions>): Promise<void>;
}

export type Client<Methods extends MethodSpecs> = { readonly [Name in keyof Methods & string]: Caller<Methods[Name]> };

/**
 * Builds the typed client of a contract.
 * @param inherited absolute deadline of the message on whose behalf the calls are made, ms in backend time; 0 for none.
 * @throws ConfigError when an option is wrong.
 */
export function createClient<Methods extends MethodSpecs>(
  sending: Sending,
  contract: Contract<Methods>,
  options: ClientOptions = {},
  inherited = 0,
): Client<Methods> {
  const { timeoutMs } = parseOptions(clientOptionsSchema, options, `client(${contract.name})`);
  const callers: Record<string, Caller<MethodSpec>> = {};
  for (const [method, spec] of Object.entries(contract.methods)) {
    const request = new Requests(
      sending,
      contract.mailbox,
      `${contract.name}.${method}`,
      method,
      spec,
      spec.timeoutMs ?? timeoutMs ?? sending.timeoutMs,
      inherited,
    );
    const call = (input?: unknown, bag?: RequestOptions): Promise<unknown> => request.call(input, bag);
    callers[method] = Object.assign(call, {
      try: (input?: unknown, bag?: RequestOptions) => attempt(request.call(input, bag)),
      cast: (input?: unknown, bag?: CastOptions) => request.cast(input, bag),
    }) as Caller<MethodSpec>;
  }
  return Object.freeze(callers) as unknown as Client<Methods>;
}

/** Turns a promise into a result that never rejects. */
export function attempt<Value, Failure = HomeostatError>(promise: Promise<unknown>): Promise<Result<Value, Failure>> {
  return promise.then(
    (value) => ({ ok: true, value: value as Value }),
    (thrown: unknown) => ({ ok: false, error: asError(thrown) as Failure }),
  );
}

function asError(thrown: unknown): HomeostatError {
  return thrown instanceof HomeostatError ? thrown : new HandlerError(messageOf(thrown), { cause: thrown });
}

const NO_OPTIONS: RequestOptions = Object.freeze({});

class Requests {
  readonly #sending: Sending;
  readonly #mailbox: string;
  readonly #subject: string;
  readonly #method: string;
  readonly #input: StandardSchema | undefined;
  readonly #timeoutMs: number;
  readonly #inherited: number;

  constructor(
    sending: Sending,
    mailbox: string,
    subject: string,
    method: string,
    spec: MethodSpec,
    timeoutMs: number,
    inherited: number,
  ) {
    this.#sending = sending;
    this.#mailbox = mailbox;
    this.#subject = subject;
    this.#method = method;
    this.#input = spec.input;
    this.#timeoutMs = timeoutMs;
    this.#inherited = inherited;
  }

  call(input: unknown, bag?: RequestOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const options = bag === undefined ? NO_OPTIONS : checkRequestOptions(bag, this.#subject);
      this.#checked(input, () => this.#sendCall(input, options, resolve, reject), reject);
    });
  }

  cast(input: unknown, bag?: CastOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const options: CastOptions = bag === undefined ? NO_OPTIONS : checkCastOptions(bag, this.#subject);
      this.#checked(input, () => this.#sendCast(input, options, resolve, reject), reject);
    });
  }

  /** The input is only checked: the original is sent, and the node's own parse feeds the handler. */
  #checked(input: unknown, send: () => void, reject: (error: unknown) => void): void {
    const checked =
      this.#input === undefined ? undefined : validate(this.#input, input, 'input', this.#subject, 'not-executed');
    if (checked instanceof Promise) checked.then(send).catch(reject);
    else send();
  }

  #sendCall(
    input: unknown,
    options: RequestOptions,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const outbox = this.#sending.open(this.#mailbox, this.#subject);
    const now = this.#sending.now();
    const deadline = this.#deadline(options, now);
    const left = deadline - now;
    if (left <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(options, this.#subject);
    const waiting = this.#sending.replies.open(this.#subject, left, resolve, reject);
    try {
      outbox.call(this.#method, input, waiting.correlation, deadline, extrasOf(options), waiting);
    } catch (thrown) {
      waiting.fail(asError(thrown));
      return;
    }
    if (options.signal !== undefined) waiting.follow(options.signal);
  }

  #sendCast(input: unknown, options: CastOptions, resolve: () => void, reject: (error: Error) => void): void {
    const outbox = this.#sending.open(this.#mailbox, this.#subject);
    const now = this.#sending.now();
    const timeoutMs = Math.min(options.timeoutMs ?? this.#timeoutMs, (options.deadline ?? Infinity) - now);
    if (timeoutMs <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(options, this.#subject);
    const waiting = new WaitingCast(this.#sending.deadlines, this.#subject, timeoutMs, resolve, reject);
    outbox.cast(this.#method, input, options.deadline ?? 0, extrasOf(options), dueOf(options, now), waiting);
    this.#sending.deadlines.add(waiting, this.#sending.elapsed() + timeoutMs);
    if (options.signal !== undefined) waiting.follow(options.signal);
  }

  #deadline(options: RequestOptions, now: number): number {
    const own = options.deadline ?? now + (options.timeoutMs ?? this.#timeoutMs);
    return this.#inherited === 0 ? own : Math.min(own, this.#inherited);
  }
}

function refuseAborted(options: RequestOptions, subject: string): void {
  if (options.signal?.aborted === true) throw new Aborted(subject, options.signal.reason, 'not-executed');
}

function extrasOf(options: RequestOptions): Extras | undefined {
  if (options.key === undefined && options.headers === undefined) return undefined;
  return {
    ...(options.key === undefined ? undefined : { key: options.key }),
    ...(options.headers === undefined ? undefined : { headers: options.headers }),
  };
}

function dueOf(options: CastOptions, now: number): number | undefined {
  if (options.delayMs !== undefined) return Math.round(now + options.delayMs);
  if (options.at === undefined) return undefined;
  const at = typeof options.at === 'number' ? options.at : options.at.getTime();
  if (Number.isNaN(at)) throw new ConfigError('options.at is an invalid Date');
  return Math.round(at);
}
