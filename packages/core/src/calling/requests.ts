/** The requests of one method of one client: checks the input, finds what holds, and sends through what protects it. */
import type { Calling } from './calling.ts';
import { CHAIN_HEADER } from './chain.ts';
import type { CallResult, ClientOptions } from './client.ts';
import type { Contract, MethodSpec } from '../contract/contract.ts';
import { asHomeostatError, CallTimeout, ConfigError } from '../ground/errors.ts';
import { callPolicy, type CallPolicy } from '../policies/call-policy.ts';
import {
  checkCastOptions,
  checkRequestOptions,
  checkStreamOptions,
  type CastOptions,
  type RequestOptions,
  type StreamOptions,
} from './request-options.ts';
import { lineFinder, type LineFacts } from '../contract/lines.ts';
import { openStream } from './open-stream.ts';
import { pipeline } from '../resilience/pipeline.ts';
import { through } from './middleware.ts';
import type { Request, Send, Wish } from '../resilience/request.ts';
import { refuseAborted, whileWanted } from './wanted.ts';
import type { Scope } from '../ground/scope.ts';
import { LazyStream, type ItemStream } from '../streaming/item-stream.ts';
import { Transmitter } from './transmitter.ts';
import { validate } from '../contract/validate.ts';

const NO_OPTIONS: RequestOptions = Object.freeze({});
/** What makes a client turn to the other version of its contract. */
const UNSERVED: ReadonlySet<string> = new Set(['SERVICE_NOT_FOUND', 'NO_HEALTHY_INSTANCES']);

/** A policy and the chain that carries it out, good for one revision of the settings. */
interface Prepared {
  readonly revision: number;
  readonly policy: CallPolicy;
  readonly send: Send;
}

export class Requests {
  readonly #calling: Calling;
  readonly #contract: Contract;
  readonly #subject: string;
  readonly #method: string;
  readonly #spec: MethodSpec;
  readonly #client: ClientOptions;
  readonly #inherited: number;
  readonly #scope: Scope | undefined;
  readonly #wish: Wish | undefined;
  readonly #alternative: Requests | undefined;
  readonly #watched: boolean;
  readonly #atMostOnce: boolean;
  readonly #transmitter: Transmitter;
  /** Of what answers with a stream; undefined: its mailbox has one line. */
  readonly #line: ((facts: LineFacts) => string) | undefined;
  #prepared: Prepared | undefined;

  /**
   * @param inherited absolute deadline that no request may outlive, ms in backend time; 0 for none.
   * @param scope the work on whose behalf requests are made.
   */
  constructor(
    calling: Calling,
    contract: Contract,
    method: string,
    spec: MethodSpec,
    client: ClientOptions,
    inherited: number,
    scope: Scope | undefined,
  ) {
    this.#calling = calling;
    this.#contract = contract;
    this.#subject = `${contract.name}.${method}`;
    this.#method = method;
    this.#spec = spec;
    this.#client = client;
    this.#inherited = inherited;
    this.#scope = scope;
    this.#wish = wishOf(client);
    this.#alternative = this.#elsewhere();
    this.#atMostOnce = spec.delivery === 'at-most-once';
    this.#transmitter = new Transmitter({
      ...{ calling, contract, method },
      subject: this.#subject,
      alone: this.#atMostOnce,
    });
    this.#line = spec.yields === undefined ? undefined : lineFinder(contract);
    this.#watched = calling.watch.watchesCalls(contract.name);
  }

  call(input: unknown, bag?: RequestOptions): Promise<unknown> {
    try {
      return this.#send(this.#request(input, bag), bag);
    } catch (thrown) {
      return Promise.reject(asHomeostatError(thrown));
    }
  }

  async try(input: unknown, bag?: RequestOptions): Promise<CallResult<unknown>> {
    const { sending } = this.#calling;
    const startedAt = sending.elapsed();
    let request: Request | undefined;
    try {
      request = this.#request(input, bag);
      const value = await this.#send(request, bag);
      return { ok: true, value, ...factsOf(request, sending.elapsed() - startedAt) };
    } catch (thrown) {
      return { ok: false, error: asHomeostatError(thrown), ...factsOf(request, sending.elapsed() - startedAt) };
    }
  }

  /** Nothing is sent, and nothing refused, before its first item is asked for. */
  stream(input: unknown, bag?: StreamOptions): ItemStream<unknown> {
    return new LazyStream(this.#subject, (asking) => this.#open(input, bag, asking));
  }

  cast(input: unknown, bag?: CastOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const options: CastOptions = bag === undefined ? NO_OPTIONS : checkCastOptions(bag, this.#subject);
      const checked = this.#check(input);
      const send = (): void => this.#sendCast(input, options, resolve, reject);
      if (checked instanceof Promise) checked.then(send).catch(reject);
      else send();
    });
  }

  async #open(input: unknown, bag: StreamOptions | undefined, asking: Scope): Promise<unknown> {
    return this.#send(this.#streamRequest(input, bag, asking), bag);
  }

  #request(input: unknown, bag: RequestOptions | undefined): Request {
    const options = bag === undefined ? NO_OPTIONS : checkRequestOptions(bag, this.#subject);
    const now = this.#calling.sending.now();
    return this.#requestUntil(this.#deadline(options, now), now, input, options, bag);
  }

  /** What must not take longer than a call is the wait for its next item, the first included. */
  #streamRequest(input: unknown, bag: StreamOptions | undefined, asking: Scope): Request {
    const options = bag === undefined ? NO_OPTIONS : checkStreamOptions(bag, this.#subject);
    const now = this.#calling.sending.now();
    const stepMs = this.#timeoutMs(options);
    const until = Math.min(options.deadline ?? Infinity, this.#inherited === 0 ? Infinity : this.#inherited);
    const stream = { stepMs, until: until === Infinity ? 0 : until, asking };
    return { ...this.#requestUntil(Math.min(until, now + stepMs), now, input, options, bag), stream };
  }

  #requestUntil(
    deadline: number,
    now: number,
    input: unknown,
    options: RequestOptions,
    bag: RequestOptions | undefined,
  ): Request {
    if (deadline - now <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(options.signal, this.#scope, this.#subject);
    if (options.priority !== undefined) this.#refusePriority();
    const { chain } = this.#calling;
    return {
      subject: this.#subject,
      service: this.#contract.name,
      mailbox: this.#contract.mailbox,
      method: this.#method,
      kind: this.#spec.kind ?? 'command',
      input,
      deadline,
      signal: options.signal,
      headers: chain === undefined ? options.headers : { ...options.headers, [CHAIN_HEADER]: chain },
      key: options.key,
      id: options.id,
      priority: options.priority,
      whenFull: options.whenFull,
      orphan: options.orphan === 'skip' ? 'skip' : undefined,
      scope: this.#scope,
      atMostOnce: this.#atMostOnce,
      wish: bag === undefined ? this.#wish : (wishOf(options) ?? this.#wish),
      attempts: 0,
      degraded: undefined,
    };
  }

  #send(request: Request, bag: RequestOptions | undefined): Promise<unknown> {
    const { events } = this.#calling;
    const sent = this.#sent(request, bag);
    const answered = this.#alternative === undefined ? sent : this.#orElsewhere(sent, request, bag);
    const watched = this.#watched ? this.#told(answered) : answered;
    const told = events.heard('error') ? this.#reported(watched, request) : watched;
    return this.#scope === undefined
      ? told
      : whileWanted(told, this.#scope, this.#subject, () => this.#calling.sending.elapsed());
  }

  /** Everything depends on this service: what becomes of its calls is told. */
  async #told(answered: Promise<unknown>): Promise<unknown> {
    const { watch } = this.#calling;
    try {
      const value = await answered;
      watch.called(this.#contract.name, this.#method, undefined);
      return value;
    } catch (thrown) {
      watch.called(this.#contract.name, this.#method, asHomeostatError(thrown));
      throw thrown;
    }
  }

  /** Never throws: what is refused at once has failed like any other call. */
  #sent(request: Request, bag: RequestOptions | undefined): Promise<unknown> {
    try {
      const { middleware } = this.#calling;
      return middleware.length === 0 ? this.#checkedSend(request, bag) : this.#throughMiddleware(request, bag);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /** The input is only checked: the original is sent, and the node's own parse feeds the handler. */
  #checkedSend(request: Request, bag: RequestOptions | undefined): Promise<unknown> {
    const checked = this.#check(request.input);
    const { policy, send } = this.#prepare(bag);
    this.#calling.routing.refuseDisabled(this.#contract.name, policy);
    return checked instanceof Promise ? checked.then(() => send(request)) : send(request);
  }

  #throughMiddleware(request: Request, bag: RequestOptions | undefined): Promise<unknown> {
    const { service, method, input, headers } = request;
    return through(this.#calling.middleware, { service, method, input, headers: { ...headers } }, async (inner) => {
      const named = Object.keys(inner.headers).length > 0;
      const changed: Request = { ...request, input: inner.input, headers: named ? inner.headers : undefined };
      try {
        return await this.#checkedSend(changed, bag);
      } finally {
        request.attempts = changed.attempts;
        request.degraded = changed.degraded;
      }
    });
  }

  #orElsewhere(sent: Promise<unknown>, request: Request, bag: RequestOptions | undefined): Promise<unknown> {
    return sent.catch((thrown: unknown) => {
      const error = asHomeostatError(thrown);
      if (!UNSERVED.has(error.code)) throw error;
      request.degraded = error.code;
      return this.#alternative!.#inPlaceOf(request, bag);
    });
  }

  #inPlaceOf({ input, stream }: Request, bag: RequestOptions | undefined): Promise<unknown> {
    return stream === undefined ? this.call(input, bag) : this.#open(input, bag, stream.asking);
  }

  #reported(answered: Promise<unknown>, request: Request): Promise<unknown> {
    const { sending, events } = this.#calling;
    const startedAt = sending.elapsed();
    return answered.catch((thrown: unknown) => {
      const error = asHomeostatError(thrown);
      const { service, method, attempts } = request;
      events.emit('error', { error, service, method, attempts, ms: sending.elapsed() - startedAt });
      throw error;
    });
  }

  #check(input: unknown): unknown {
    return this.#spec.input === undefined
      ? undefined
      : validate(this.#spec.input, input, 'input', this.#subject, 'not-executed');
  }

  /** What holds now; a request's own options make a chain of their own. */
  #prepare(bag: RequestOptions | undefined): Prepared {
    const { policies } = this.#calling;
    let prepared = this.#prepared;
    if (prepared === undefined || prepared.revision !== policies.revision) {
      const policy = callPolicy(policies, this.#contract, this.#method, this.#spec, this.#client);
      prepared = { revision: policies.revision, policy, send: this.#chain(policy) };
      this.#prepared = prepared;
    }
    if (bag === undefined || !isProtecting(bag)) return prepared;
    const { retry, breaker, cache, fallback } = bag;
    const overrides = { retry, breaker, cache, fallback };
    const own = callPolicy(policies, this.#contract, this.#method, this.#spec, this.#client, overrides);
    return { revision: prepared.revision, policy: own, send: this.#chain(own) };
  }

  #chain(policy: CallPolicy): Send {
    if (this.#spec.yields === undefined)
      return pipeline(policy, this.#calling.resilience, (request) => this.#transmitter.call(request, policy));
    const streaming = { ...policy, cache: false, hedgeAfterMs: 0, fallback: undefined } as const;
    return pipeline(streaming, this.#calling.resilience, (request) =>
      openStream(this.#calling, this.#contract, policy, request, this.#line?.(request)),
    );
  }

  #sendCast(input: unknown, options: CastOptions, resolve: () => void, reject: (error: Error) => void): void {
    const { sending, routing } = this.#calling;
    const { policy } = this.#prepare(undefined);
    routing.refuseDisabled(this.#contract.name, policy);
    const now = sending.now();
    const timeoutMs = Math.min(
      options.timeoutMs ?? policy.timeoutMs ?? sending.timeoutMs,
      (options.deadline ?? Infinity) - now,
    );
    if (timeoutMs <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(options.signal, undefined, this.#subject);
    if (options.priority !== undefined) this.#refusePriority();
    const wish = wishOf(options) ?? this.#wish;
    const due = dueOf(options, now);
    this.#transmitter.cast({ input, options, policy, timeoutMs, wish, due, resolve, reject });
  }

  #refusePriority(): void {
    const { name, priorities } = this.#contract;
    if (priorities === true) return;
    throw new ConfigError(
      `${this.#subject}: options.priority: the contract has no priorities. Declare them on both sides, nodes first: contract('${name}', { priorities: true, … })`,
    );
  }

  #timeoutMs({ timeoutMs }: RequestOptions): number {
    return timeoutMs ?? this.#prepare(undefined).policy.timeoutMs ?? this.#calling.sending.timeoutMs;
  }

  #deadline(options: RequestOptions, now: number): number {
    const own = options.deadline ?? now + this.#timeoutMs(options);
    return this.#inherited === 0 ? own : Math.min(own, this.#inherited);
  }

  #elsewhere(): Requests | undefined {
    const { fallback, ...rest } = this.#client;
    if (fallback === undefined || typeof fallback === 'function') return undefined;
    const spec = fallback.methods[this.#method];
    // One that answers once cannot stand in for a stream, nor the other way round.
    return spec === undefined || (spec.yields === undefined) !== (this.#spec.yields === undefined)
      ? undefined
      : new Requests(this.#calling, fallback, this.#method, spec, rest, this.#inherited, this.#scope);
  }
}

function isProtecting({ retry, breaker, cache, fallback }: RequestOptions): boolean {
  return retry !== undefined || breaker !== undefined || cache !== undefined || fallback !== undefined;
}

function wishOf({ node, tags }: { node?: string | undefined; tags?: readonly string[] | undefined }): Wish | undefined {
  return node === undefined && tags === undefined ? undefined : { node, tags };
}

function factsOf(request: Request | undefined, ms: number): { attempts: number; ms: number; degraded?: string } {
  const { attempts = 0, degraded } = request ?? {};
  return { attempts, ms, ...(degraded === undefined ? undefined : { degraded }) };
}

function dueOf(options: CastOptions, now: number): number | undefined {
  if (options.delayMs !== undefined) return Math.round(now + options.delayMs);
  if (options.at === undefined) return undefined;
  const at = typeof options.at === 'number' ? options.at : options.at.getTime();
  if (Number.isNaN(at)) throw new ConfigError('options.at is an invalid Date');
  return Math.round(at);
}
