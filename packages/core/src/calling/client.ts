/** The caller's side of a contract: what a client is, and the types of what it asks and gets. */
import type { Calling } from './calling.ts';
import type {
  Contract,
  ErrorCode,
  ErrorDetails,
  Input,
  Item,
  MethodSpec,
  MethodSpecs,
  Output,
} from '../contract/contract.ts';
import type { StandardSchema } from '../contract/standard-schema.ts';
import { asHomeostatError, type ActorError, type HomeostatError } from '../ground/errors.ts';
import { clientOptionsSchema } from '../node/options.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { CastOptions, RequestOptions, StreamOptions } from './request-options.ts';
import type { Scope } from '../ground/scope.ts';
import type { ItemStream } from '../streaming/item-stream.ts';
import { Requests } from './requests.ts';
import type {
  BreakerSetting,
  CacheSetting,
  ClaimCheckSetting,
  Delivery,
  RetrySetting,
  WhenFull,
} from '../policies/service-settings.ts';

/** What holds for every request of one client; a request's own options are stronger, what the service's settings say is weaker. */
export interface ClientOptions {
  /** Of every call and cast of this client that says none, and whose method says none, ms. Default: the service's, the node's (30 s). */
  readonly timeoutMs?: number | undefined;
  /** Of calls: `false`, a profile's name, or fields. Default: the service's. */
  readonly retry?: RetrySetting | undefined;
  /** Of calls: `false`, a profile's name, or fields. Default: the service's. */
  readonly breaker?: BreakerSetting | undefined;
  /** Of calls of a `query`: answer from the shared cache. Default: the service's, off. */
  readonly cache?: CacheSetting | undefined;
  /**
   * What to answer when a call has failed for good. Or another version of the contract: it is called instead when no
   * healthy instance serves this one; what a handler refused is not tried there.
   */
  readonly fallback?: ((error: HomeostatError, input: unknown) => unknown) | Contract | undefined;
  /** Reject at once when nobody healthy serves it. Default: the service's, false. */
  readonly failFast?: boolean | undefined;
  /** Strategy of targeted sends: `round_robin`, … Default: the service's, `pull`. */
  readonly balance?: string | undefined;
  /** Where there is no room: `reject`, or `wait` in line. Default: the service's, `reject`. */
  readonly whenFull?: WhenFull | undefined;
  /** Keeps large bodies beside the mailbox. Default: the service's, false. */
  readonly claimCheck?: ClaimCheckSetting | undefined;
  /** By the mailbox (`remote`), or by an actor in this process (`local`, `auto`). Default: the service's, `remote`. */
  readonly delivery?: Exclude<Delivery, 'disabled'> | undefined;
  /** Only instances that have all of these tags. */
  readonly tags?: readonly string[] | undefined;
  /** Only the node of this id. */
  readonly node?: string | undefined;
}

/** Codes that the runtime itself answers with; a handler's own errors carry theirs. */
export type RuntimeCode =
  | 'ABORTED'
  | 'BACKEND_FULL'
  | 'CALL_CYCLE'
  | 'CALL_TIMEOUT'
  | 'CIRCUIT_OPEN'
  | 'CLAIMED_BODY_GONE'
  | 'CONFIG'
  | 'HANDLER'
  | 'HANDLER_TIMEOUT'
  | 'KEY_REQUIRED'
  | 'KIND_UNKNOWN'
  | 'LIMIT_REACHED'
  | 'MAILBOX_FULL'
  | 'METHOD_NOT_FOUND'
  | 'NODE_CLOSED'
  | 'NODE_DIED'
  | 'NOT_IN_THREAD'
  | 'NOT_MEMBER'
  | 'NOT_SETTLED'
  | 'NO_HEALTHY_INSTANCES'
  | 'ONCE_GIVEN_UP'
  | 'OUTPUT_INVALID'
  | 'OVERLOADED'
  | 'PAYLOAD_TOO_LARGE'
  | 'RETRY_BUDGET_EXHAUSTED'
  | 'SERIALIZATION'
  | 'SERVICE_DISABLED'
  | 'SERVICE_NOT_FOUND'
  | 'STATE_INVALID'
  | 'STREAM_BROKEN'
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

/** How a call went. */
export interface CallFacts {
  /** Tries in all; 0 when none was needed or allowed. */
  readonly attempts: number;
  /** From the call to its end, ms. */
  readonly ms: number;
  /** The value is not the service's own: `cache`, or the code of the failure that a fallback stood in for. */
  readonly degraded?: string | undefined;
}

export type CallResult<Value, Failure = HomeostatError> = Result<Value, Failure> & CallFacts;

type Arguments<M extends MethodSpec, Options> =
  undefined extends Input<M> ? [input?: Input<M>, options?: Options] : [input: Input<M>, options?: Options];

export interface Caller<M extends MethodSpec> {
  /** Asks and waits. Rejects with a declared error of the method or one of the runtime's. */
  (...args: Arguments<M, RequestOptions>): Promise<Output<M>>;
  /** Asks and waits; never rejects. */
  try(...args: Arguments<M, RequestOptions>): Promise<CallResult<Output<M>, CallError<M>>>;
  /** Tells, durably: resolves when the backend has accepted the message. */
  cast(...args: Arguments<M, CastOptions>): Promise<void>;
}

export interface StreamCaller<M extends MethodSpec> {
  /**
   * Asks for a stream: `for await (const item of api.list(input)) …`. Nothing is sent before the first item is asked for.
   * Leaving the loop stops the handler. Ends with a declared error of the method or one of the runtime's.
   */
  (...args: Arguments<M, StreamOptions>): ItemStream<Item<M>>;
}

export type Client<Methods extends MethodSpecs> = {
  readonly [Name in keyof Methods & string]: Methods[Name] extends { readonly yields: StandardSchema }
    ? StreamCaller<Methods[Name]>
    : Caller<Methods[Name]>;
};

/**
 * Builds the typed client of a contract.
 * @param inherited absolute deadline of the message on whose behalf the calls are made, ms in backend time; 0 for none.
 * @param scope the work on whose behalf they are made: when it is given up, so are they.
 * @throws ConfigError when an option is wrong.
 */
export function createClient<Methods extends MethodSpecs>(
  calling: Calling,
  contract: Contract<Methods>,
  options: ClientOptions = {},
  inherited = 0,
  scope?: Scope,
): Client<Methods> {
  const parsed = parseOptions(clientOptionsSchema, options, `client(${contract.name})`);
  if (parsed.balance !== undefined) calling.routing.checkStrategy(parsed.balance);
  const callers: Record<string, unknown> = {};
  for (const [method, spec] of Object.entries(contract.methods)) {
    const requests = new Requests(calling, contract, method, spec, parsed, inherited, scope);
    if (spec.yields !== undefined) {
      callers[method] = (input?: unknown, bag?: StreamOptions) => requests.stream(input, bag);
      continue;
    }
    const call = (input?: unknown, bag?: RequestOptions): Promise<unknown> => requests.call(input, bag);
    callers[method] = Object.assign(call, {
      try: (input?: unknown, bag?: RequestOptions) => requests.try(input, bag),
      cast: (input?: unknown, bag?: CastOptions) => requests.cast(input, bag),
    });
  }
  return Object.freeze(callers) as unknown as Client<Methods>;
}

/** Turns a promise into a result that never rejects. */
export function attempt<Value, Failure = HomeostatError>(promise: Promise<unknown>): Promise<Result<Value, Failure>> {
  return promise.then(
    (value) => ({ ok: true, value: value as Value }),
    (thrown: unknown) => ({ ok: false, error: asHomeostatError(thrown) as Failure }),
  );
}
