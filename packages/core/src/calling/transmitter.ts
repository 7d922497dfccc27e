/** How the requests of one method leave: by the mailbox, a line or a partition of it, or to an actor in this process. */
import type { Calling } from './calling.ts';
import { CHAIN_HEADER, closesCycle } from './chain.ts';
import { extrasOf, withClaim } from './extras-of.ts';
import type { HeldCasts } from './held-casts.ts';
import type { CastOptions } from './request-options.ts';
import type { LocalActor, Route } from './routing.ts';
import { refuseAborted } from './wanted.ts';
import type { Contract } from '../contract/contract.ts';
import { lineFinder, type LineFacts } from '../contract/lines.ts';
import {
  Aborted,
  asHomeostatError,
  CallCycle,
  CallTimeout,
  ConfigError,
  KeyRequired,
  type HomeostatError,
  type Outcome,
} from '../ground/errors.ts';
import { endedWith } from '../ground/scope.ts';
import { whenAborted } from '../ground/when-aborted.ts';
import type { CallPolicy } from '../policies/call-policy.ts';
import { mailboxOfPartition } from '../ports/partitions.ts';
import type { Request, Wish } from '../resilience/request.ts';
import { WaitingCast } from '../sending/waiting.ts';

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
      this.#refuseCycle(request);
      this.#callByKey(request, policy, false, resolve, reject);
      return;
    }
    const route = routing.route(this.#contract, policy, request.wish, undefined, request.id);
    this.#callBy(route, request, policy, resolve, reject);
  }

  /** Here already: it might wait for its partition to be read as far as that, which waits for it. */
  #refuseCycle({ key, headers }: Request): void {
    const { mailbox } = this.#contract;
    if (key !== undefined && closesCycle(headers?.[CHAIN_HEADER], mailbox, key)) throw new CallCycle(mailbox, key);
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
        // To find that out may have taken its time.
        refuseAborted(request.signal, request.scope, this.#subject);
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
    const { sending, routing, cancelling, claimCheck } = this.#calling;
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
        claimCheck.send(request.input, policy.claimCheck, waiting, 0, (body, claim, maxBytes) =>
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
    const outcome = (): Outcome => (run.started ? 'unknown' : 'not-executed');
    const aborted = (): void => run.abort(new Aborted(this.#subject, signal?.reason, outcome()));
    const givenUp = (reason: HomeostatError): void =>
      run.abort(endedWith(reason, this.#subject, this.#calling.sending.elapsed() - startedAt, outcome()));
    const unfollow = signal && whenAborted(signal, aborted);
    scope?.follow(givenUp);
    forget = () => {
      unfollow?.();
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
        refuseAborted(casting.options.signal, undefined, this.#subject);
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
    const { sending, claimCheck } = this.#calling;
    const { input, options, policy, timeoutMs, wish, due, resolve } = casting;
    const outbox = sending.open(this.#line?.(options) ?? mailbox, this.#subject, target);
    const waiting = new WaitingCast(sending.deadlines, this.#subject, timeoutMs, resolve, reject);
    waiting.patient = (options.whenFull ?? policy.whenFull) === 'wait';
    const extras = extrasOf(options, wish);
    const deadline = options.deadline ?? 0;
    if (policy.claimCheck === false) outbox.cast(this.#method, input, deadline, extras, due, waiting, this.#alone);
    else
      claimCheck.send(input, policy.claimCheck, waiting, this.#untilDue(due), (body, claim, maxBytes) =>
        outbox.cast(this.#method, body, deadline, withClaim(extras, claim), due, waiting, this.#alone, maxBytes),
      );
    sending.deadlines.add(waiting, sending.elapsed() + timeoutMs);
    if (options.signal !== undefined) waiting.follow(options.signal);
  }

  /** How long a message waits before it is due, ms. */
  #untilDue(due: number | undefined): number {
    return due === undefined ? 0 : Math.max(0, due - this.#calling.sending.now());
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
