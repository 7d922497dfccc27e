/** How the requests of one method leave: by the mailbox, a line or a partition of it, or to an actor in this process. */
import type { Calling } from './calling.ts';
import { extrasOf } from './extras-of.ts';
import type { HeldCasts } from './held-casts.ts';
import type { CastOptions } from './request-options.ts';
import type { LocalActor, Route } from './routing.ts';
import { refuseAborted } from './wanted.ts';
import type { Contract } from '../contract/contract.ts';
import { lineFinder, type LineFacts } from '../contract/lines.ts';
import {
  Aborted,
  asHomeostatError,
  CallTimeout,
  ConfigError,
  KeyRequired,
  PayloadTooLarge,
  type HomeostatError,
} from '../ground/errors.ts';
import { endedWith } from '../ground/scope.ts';
import type { CallPolicy } from '../policies/call-policy.ts';
import type { ClaimCheckPolicy } from '../policies/service-settings.ts';
import { mailboxOfPartition } from '../ports/partitions.ts';
import type { Request, Wish } from '../resilience/request.ts';
import { WaitingCast, type Waiting } from '../sending/waiting.ts';
import type { Extras } from '../wire/envelope.ts';

/** A cast on its way out. */
export interface Casting {
  readonly input: unknown;
  readonly options: CastOptions;
  readonly policy: CallPolicy;
  readonly timeoutMs: number;
  readonly wish: Wish | undefined;
  /** Backend time, ms; undefined: at once. */
  readonly due: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Sends a body, or what says where it is; with `maxBytes` only when it is no larger. @throws PayloadTooLarge */
type SendBody = (body: unknown, claim: string | undefined, maxBytes: number | undefined) => void;

export interface TransmitterNeeds {
  readonly calling: Calling;
  readonly contract: Contract;
  readonly method: string;
  readonly subject: string;
  /** The method runs at most once: its messages share a frame with nothing else. */
  readonly alone: boolean;
}

export class Transmitter {
  readonly #calling: Calling;
  readonly #contract: Contract;
  readonly #method: string;
  readonly #subject: string;
  readonly #alone: boolean;
  /** Undefined: its mailbox has one line. */
  readonly #line: ((facts: LineFacts) => string) | undefined;

  constructor({ calling, contract, method, subject, alone }: TransmitterNeeds) {
    this.#calling = calling;
    this.#contract = contract;
    this.#method = method;
    this.#subject = subject;
    this.#alone = alone;
    this.#line = lineFinder(contract);
  }

  call(request: Request, policy: CallPolicy): Promise<unknown> {
    return new Promise((resolve, reject) => this.#call(request, policy, resolve, reject));
  }

  /** Tells `resolve` once the cast is accepted, `reject` why it is not, or throws that. */
  cast(casting: Casting): void {
    const { split, held } = this.#calling;
    const { options, policy, wish, due } = casting;
    if (options.key !== undefined || split.has(this.#contract.mailbox) || held !== undefined)
      this.#castByKey(casting, false);
    else this.#castBy(this.#routeOfCast(policy, wish, due, undefined), casting, casting.reject);
  }

  #call(request: Request, policy: CallPolicy, resolve: (value: unknown) => void, reject: (error: Error) => void): void {
    const { sending, routing, sendHooks, split } = this.#calling;
    if (request.deadline - sending.now() <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    refuseAborted(request.signal, request.scope, this.#subject);
    if (sendHooks.size > 0) for (const hook of sendHooks) hook(request);
    if (request.key !== undefined || split.has(this.#contract.mailbox)) {
      this.#callByKey(request, policy, false, resolve, reject);
      return;
    }
    const route = routing.route(this.#contract, policy, request.wish, undefined, request.id);
    this.#callBy(route, request, policy, resolve, reject);
  }

  #callByKey(
    request: Request,
    policy: CallPolicy,
    refused: boolean,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const { routing, split } = this.#calling;
    const { key, wish, id } = request;
    split.find(
      this.#contract,
      key,
      wish,
      refused,
      (partition) => {
        if (partition !== undefined) {
          this.#callBy(routing.routeByKey(this.#contract, policy, partition), request, policy, resolve, reject);
          return;
        }
        const again = (): void => this.#callByKey(request, policy, true, resolve, reject);
        const route = routing.route(this.#contract, policy, wish, key, id);
        this.#callBy(route, request, policy, resolve, key === undefined ? reject : byKeyInstead(again, reject));
      },
      reject,
    );
  }

  #callBy(
    route: Route,
    request: Request,
    policy: CallPolicy,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const { sending, routing, cancelling } = this.#calling;
    const { mailbox, target, local } = route;
    const left = request.deadline - sending.now();
    if (left <= 0) throw new CallTimeout(this.#subject, 0, 'not-executed');
    if (local !== undefined) {
      this.#runHere(local, request, resolve, reject);
      return;
    }
    const outbox = sending.open(this.#line?.(request) ?? mailbox, this.#subject, target);
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
    waiting.patient = (request.whenFull ?? policy.whenFull) === 'wait';
    const extras = extrasOf(request);
    try {
      if (policy.claimCheck === false)
        outbox.call(this.#method, request.input, waiting.correlation, request.deadline, extras, waiting, this.#alone);
      else
        this.#checkIn(request.input, policy.claimCheck, undefined, waiting, (body, claim, maxBytes) =>
          outbox.call(
            this.#method,
            body,
            waiting.correlation,
            request.deadline,
            withClaim(extras, claim),
            waiting,
            this.#alone,
            maxBytes,
          ),
        );
    } catch (thrown) {
      waiting.fail(asHomeostatError(thrown));
      return;
    }
    if (request.signal === undefined && request.scope === undefined) return;
    const cancel = (): void => cancelling.cancel(mailboxOfPartition(mailbox), waiting.correlation);
    if (request.signal !== undefined) waiting.follow(request.signal, cancel);
    if (request.scope !== undefined) waiting.within(request.scope, cancel);
  }

  #runHere(
    local: LocalActor,
    { input, headers, key, deadline, signal, scope }: Request,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    let over = false;
    let forget = (): void => void (over = true);
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
    if (over || (signal === undefined && scope === undefined)) return;
    const startedAt = this.#calling.sending.elapsed();
    const aborted = (): void => run.abort(new Aborted(this.#subject, signal?.reason, 'unknown'));
    const givenUp = (reason: HomeostatError): void =>
      run.abort(endedWith(reason, this.#subject, this.#calling.sending.elapsed() - startedAt));
    signal?.addEventListener('abort', aborted, { once: true });
    scope?.follow(givenUp);
    forget = () => {
      signal?.removeEventListener('abort', aborted);
      scope?.unfollow(givenUp);
    };
  }

  #castByKey(casting: Casting, refused: boolean): void {
    const { routing, split, held } = this.#calling;
    const { policy, wish, due, reject } = casting;
    const { key } = casting.options;
    split.find(
      this.#contract,
      key,
      wish,
      refused,
      (partition) => {
        if (held !== undefined) this.#hold(held, partition, casting);
        else if (partition !== undefined)
          this.#castBy(routing.routeByKey(this.#contract, policy, partition), casting, reject);
        else {
          const again = (): void => this.#castByKey(casting, true);
          const orByKey = key === undefined ? reject : byKeyInstead(again, reject);
          this.#castBy(this.#routeOfCast(policy, wish, due, key), casting, orByKey);
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
    const mailbox = partition ?? this.#line?.(options) ?? this.#contract.mailbox;
    const extras = extrasOf(options);
    held.hold({ mailbox, method: this.#method, input, deadline: options.deadline ?? 0, extras });
    resolve();
  }

  /** A local short-cut has no mailbox, and what is due later goes to whoever has room then. */
  #routeOfCast(policy: CallPolicy, wish: Wish | undefined, due: number | undefined, key: string | undefined): Route {
    return due === undefined
      ? this.#calling.routing.routeByMailbox(this.#contract, policy, wish, key)
      : { mailbox: this.#contract.mailbox };
  }

  #castBy({ mailbox, target }: Route, casting: Casting, reject: (error: Error) => void): void {
    const { sending } = this.#calling;
    const { input, options, policy, timeoutMs, wish, due, resolve } = casting;
    const outbox = sending.open(this.#line?.(options) ?? mailbox, this.#subject, target);
    const waiting = new WaitingCast(sending.deadlines, this.#subject, timeoutMs, resolve, reject);
    waiting.patient = (options.whenFull ?? policy.whenFull) === 'wait';
    const extras = extrasOf({ ...options, wish });
    const deadline = options.deadline ?? 0;
    if (policy.claimCheck === false) outbox.cast(this.#method, input, deadline, extras, due, waiting, this.#alone);
    else
      this.#checkIn(input, policy.claimCheck, due, waiting, (body, claim, maxBytes) =>
        outbox.cast(this.#method, body, deadline, withClaim(extras, claim), due, waiting, this.#alone, maxBytes),
      );
    sending.deadlines.add(waiting, sending.elapsed() + timeoutMs);
    if (options.signal !== undefined) waiting.follow(options.signal);
  }

  /** A body that is too large is left beside the mailbox first; its time begins when its message is due. */
  #checkIn(
    input: unknown,
    claimCheck: ClaimCheckPolicy,
    due: number | undefined,
    waiting: Waiting,
    send: SendBody,
  ): void {
    try {
      send(input, undefined, claimCheck.overBytes);
    } catch (thrown) {
      if (!(thrown instanceof PayloadTooLarge)) throw thrown;
      const { claimCheck: beside, sending } = this.#calling;
      const waitsMs = due === undefined ? 0 : Math.max(0, due - sending.now());
      beside
        .leave(input, claimCheck.ttlMs + waitsMs)
        .then((claim) => {
          if (waiting.wanted) send(undefined, claim, undefined);
        })
        .catch((failure: unknown) => waiting.fail(asHomeostatError(failure)));
    }
  }
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

function withClaim(extras: Extras | undefined, claim: string | undefined): Extras | undefined {
  return claim === undefined ? extras : { ...extras, claim };
}
