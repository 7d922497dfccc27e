/** The requests of one method of one client: checks the input, finds what holds, and sends through what protects it. */
import type { Calling } from './calling.ts';
import { CHAIN_HEADER } from './chain.ts';
import type { CallResult, ClientOptions } from './client.ts';
import type { Contract, MethodSpec } from '../contract/contract.ts';
import type { Extras } from '../wire/envelope.ts';
import { Aborted, asHomeostatError, CallTimeout, ConfigError, KeyRequired } from '../ground/errors.ts';
import type { HeldCasts } from './held-casts.ts';
import { callPolicy, type CallPolicy } from '../policies/call-policy.ts';
import { checkCastOptions, checkRequestOptions, type CastOptions, type RequestOptions } from './request-options.ts';
import { pipeline } from '../resilience/pipeline.ts';
import { through } from './middleware.ts';
import type { Request, Send, Wish } from '../resilience/request.ts';
import type { LocalActor, Route } from './routing.ts';
import { TAGS_HEADER } from './routing-headers.ts';
import { validate } from '../contract/validate.ts';
import { WaitingCast } from '../sending/waiting.ts';

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
  readonly #wish: Wish | undefined;
  readonly #alternative: Requests | undefined;
  readonly #watched: boolean;
  #prepared: Prepared | undefined;

  /** @param inherited absolute deadline that no request may outlive, ms in backend time; 0 for none. */
  constructor(
    calling: Calling,
    contract: Contract,
    method: string,
    spec: MethodSpec,
    client: ClientOptions,
    inherited: number,
  ) {
    this.#calling = calling;
    this.#contract = contract;
    this.#subject = `${contract.name}.${method}`;
    this.#method = method;
    this.#spec = spec;
    this.#client = client;
    this.#inherited = inherited;
    this.#wish = wishOf(client);
    this.#alternative = this.#elsewhere();
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

  cast(input: unknown, bag?: CastOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const options: CastOptions = bag === undefined ? NO_OPTIONS : checkCastOptions(bag, this.#subject);
      const checked = this.#check(input);
      const send = (): void => this.#sendCast(input, options, resolve, reject);
      if (checked instanceof Promise) checked.then(send).catch(reject);
      else send();
    });
  }

  #request(input: unknown, bag: RequestOptions | undefined): Request {
    const options = bag === undefined ? NO_OPTIONS : checkRequestOptions(bag, this.#subject);
    const now = this.#calling.sending.now();
    const deadline = this.#deadline(options, now);
    if (deadline - now <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(options.signal, this.#subject);
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
      id: undefined,
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
    return events.heard('error') ? this.#reported(watched, request) : watched;
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
      return this.#alternative!.call(request.input, bag);
    });
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
    return pipeline(policy, this.#calling.resilience, this.#transmit(policy));
  }

  #transmit(policy: CallPolicy): Send {
    return (request) => new Promise((resolve, reject) => this.#sendCall(request, policy, resolve, reject));
  }

  #sendCall(
    request: Request,
    policy: CallPolicy,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const { sending, routing, sendHooks, split } = this.#calling;
    if (request.deadline - sending.now() <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(request.signal, this.#subject);
    if (sendHooks.size > 0) for (const hook of sendHooks) hook(request);
    if (request.key !== undefined || split.has(this.#contract.mailbox))
      this.#callByKey(request, policy, false, resolve, reject);
    else this.#callBy(routing.route(this.#contract, policy, request.wish, undefined), request, resolve, reject);
  }

  #callByKey(
    request: Request,
    policy: CallPolicy,
    refused: boolean,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const { routing, split } = this.#calling;
    const { key, wish } = request;
    split.find(
      this.#contract,
      key,
      wish,
      refused,
      (partition) => {
        if (partition !== undefined) {
          this.#callBy(routing.routeByKey(this.#contract, policy, partition), request, resolve, reject);
          return;
        }
        const again = (): void => this.#callByKey(request, policy, true, resolve, reject);
        const route = routing.route(this.#contract, policy, wish, key);
        this.#callBy(route, request, resolve, key === undefined ? reject : byKeyInstead(again, reject));
      },
      reject,
    );
  }

  #callBy(
    { mailbox, target, local }: Route,
    request: Request,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const { sending, routing } = this.#calling;
    const left = request.deadline - sending.now();
    if (left <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    if (local !== undefined) {
      this.#runHere(local, request, resolve, reject);
      return;
    }
    const outbox = sending.open(mailbox, this.#subject, target);
    let ended = reject;
    let done = resolve;
    if (target !== undefined) {
      const end = routing.started(this.#contract.name, target);
      done = (value) => {
        end();
        resolve(value);
      };
      ended = (error) => {
        end();
        reject(error);
      };
    }
    const waiting = sending.replies.open(this.#subject, left, done, ended);
    try {
      outbox.call(
        this.#method,
        request.input,
        waiting.correlation,
        request.deadline,
        extrasOf(request.key, request.headers, request.wish),
        waiting,
      );
    } catch (thrown) {
      waiting.fail(asHomeostatError(thrown));
      return;
    }
    if (request.signal !== undefined) waiting.follow(request.signal);
  }

  #runHere(
    local: LocalActor,
    { input, headers, key, deadline, signal }: Request,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    let forget = (): void => {};
    const run = local.runLocal(
      { method: this.#method, body: input, headers, key, deadline },
      (value) => {
        forget();
        resolve(value);
      },
      (error) => {
        forget();
        reject(error);
      },
    );
    if (signal === undefined) return;
    const aborted = (): void => run.abort(new Aborted(this.#subject, signal.reason, 'unknown'));
    signal.addEventListener('abort', aborted, { once: true });
    forget = () => signal.removeEventListener('abort', aborted);
  }

  #sendCast(input: unknown, options: CastOptions, resolve: () => void, reject: (error: Error) => void): void {
    const { sending, routing, split, held } = this.#calling;
    const { policy } = this.#prepare(undefined);
    routing.refuseDisabled(this.#contract.name, policy);
    const now = sending.now();
    const timeoutMs = Math.min(
      options.timeoutMs ?? policy.timeoutMs ?? sending.timeoutMs,
      (options.deadline ?? Infinity) - now,
    );
    if (timeoutMs <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(options.signal, this.#subject);
    const wish = wishOf(options) ?? this.#wish;
    const due = dueOf(options, now);
    if (options.key !== undefined || split.has(this.#contract.mailbox) || held !== undefined)
      this.#castByKey({ input, options, policy, timeoutMs, wish, due, resolve, reject }, false);
    else
      this.#castBy(
        this.#routeOfCast(policy, wish, due, undefined),
        input,
        options,
        timeoutMs,
        wish,
        due,
        resolve,
        reject,
      );
  }

  #castByKey(cast: Casting, refused: boolean): void {
    const { routing, split } = this.#calling;
    const { input, options, policy, timeoutMs, wish, due, resolve, reject } = cast;
    const { key } = options;
    const send = (route: Route, refused: (error: Error) => void): void =>
      this.#castBy(route, input, options, timeoutMs, wish, due, resolve, refused);
    split.find(
      this.#contract,
      key,
      wish,
      refused,
      (partition) => {
        if (this.#calling.held !== undefined) this.#hold(this.#calling.held, partition, cast);
        else if (partition !== undefined) send(routing.routeByKey(this.#contract, policy, partition), reject);
        else {
          const again = (): void => this.#castByKey(cast, true);
          send(this.#routeOfCast(policy, wish, due, key), key === undefined ? reject : byKeyInstead(again, reject));
        }
      },
      reject,
    );
  }

  /** It leaves with the end of the message on whose behalf it is made. */
  #hold(held: HeldCasts, partition: string | undefined, { input, options, wish, due, resolve }: Casting): void {
    if (due !== undefined || wish !== undefined)
      throw new ConfigError(
        `${this.#subject}: what a handler with state casts by its context leaves with the state, for whoever has room: leave out delayMs, at, node and tags`,
      );
    const extras = extrasOf(options.key, options.headers, wish);
    const mailbox = partition ?? this.#contract.mailbox;
    held.hold({ mailbox, method: this.#method, input, deadline: options.deadline ?? 0, extras });
    resolve();
  }

  /** A local short-cut has no mailbox, and what is due later goes to whoever has room then. */
  #routeOfCast(policy: CallPolicy, wish: Wish | undefined, due: number | undefined, key: string | undefined): Route {
    return due === undefined
      ? this.#calling.routing.routeByMailbox(this.#contract, policy, wish, key)
      : { mailbox: this.#contract.mailbox };
  }

  #castBy(
    { mailbox, target }: Route,
    input: unknown,
    options: CastOptions,
    timeoutMs: number,
    wish: Wish | undefined,
    due: number | undefined,
    resolve: () => void,
    reject: (error: Error) => void,
  ): void {
    const { sending } = this.#calling;
    const outbox = sending.open(mailbox, this.#subject, target);
    const waiting = new WaitingCast(sending.deadlines, this.#subject, timeoutMs, resolve, reject);
    outbox.cast(this.#method, input, options.deadline ?? 0, extrasOf(options.key, options.headers, wish), due, waiting);
    sending.deadlines.add(waiting, sending.elapsed() + timeoutMs);
    if (options.signal !== undefined) waiting.follow(options.signal);
  }

  #deadline({ deadline, timeoutMs }: RequestOptions, now: number): number {
    const own =
      deadline ?? now + (timeoutMs ?? this.#prepare(undefined).policy.timeoutMs ?? this.#calling.sending.timeoutMs);
    return this.#inherited === 0 ? own : Math.min(own, this.#inherited);
  }

  #elsewhere(): Requests | undefined {
    const { fallback, ...rest } = this.#client;
    if (fallback === undefined || typeof fallback === 'function') return undefined;
    const spec = fallback.methods[this.#method];
    return spec === undefined
      ? undefined
      : new Requests(this.#calling, fallback, this.#method, spec, rest, this.#inherited);
  }
}

/** A cast on its way out. */
interface Casting {
  readonly input: unknown;
  readonly options: CastOptions;
  readonly policy: CallPolicy;
  readonly timeoutMs: number;
  readonly wish: Wish | undefined;
  readonly due: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The whole mailbox has turned out to be split: nothing was written there, and it goes by its key. */
function byKeyInstead(again: () => void, reject: (error: Error) => void): (error: Error) => void {
  return (error) => {
    if (!(error instanceof KeyRequired)) return reject(error);
    try {
      again();
    } catch (thrown) {
      reject(asHomeostatError(thrown));
    }
  };
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

function refuseAborted(signal: AbortSignal | undefined, subject: string): void {
  if (signal?.aborted === true) throw new Aborted(subject, signal.reason, 'not-executed');
}

function extrasOf(
  key: string | undefined,
  headers: Readonly<Record<string, string>> | undefined,
  wish: Wish | undefined,
): Extras | undefined {
  const tags = wish?.tags;
  if (key === undefined && headers === undefined && tags === undefined) return undefined;
  const all = tags === undefined ? headers : { ...headers, [TAGS_HEADER]: tags.join(',') };
  return { ...(key === undefined ? undefined : { key }), ...(all === undefined ? undefined : { headers: all }) };
}

function dueOf(options: CastOptions, now: number): number | undefined {
  if (options.delayMs !== undefined) return Math.round(now + options.delayMs);
  if (options.at === undefined) return undefined;
  const at = typeof options.at === 'number' ? options.at : options.at.getTime();
  if (Number.isNaN(at)) throw new ConfigError('options.at is an invalid Date');
  return Math.round(at);
}
