import type { Client, ClientOptions } from '../calling/client.ts';
import type {
  Contract,
  ErrorCode,
  ErrorDetails,
  HandlerResult,
  MethodSpec,
  MethodSpecs,
  ParsedInput,
  StateSchema,
} from './contract.ts';
import type { KeyState } from './key-state.ts';
import { refuseUnkeyable } from './keyed-contract.ts';
import type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts';
import { ConfigError, type ActorError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { actorOptionsSchema, type ActorOptions, type ActorPolicy } from '../node/options.ts';
import { parseOptions } from '../ground/parse-options.ts';

/** What a handler knows of the message it handles, and what it may use. */
export interface Context<M extends MethodSpec = MethodSpec, State extends StateSchema = StateSchema> {
  /** Stays the same over every redelivery: a good idempotency key. */
  readonly messageId: string;
  readonly method: string;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Id of the node that sent it. */
  readonly caller: string;
  /** Absolute, ms in backend time; 0 when there is none. Nested calls inherit it. */
  readonly deadline: number;
  /** What the sender named: of a keyed actor, whose turn it is. */
  readonly key: State extends StandardSchema ? string : string | undefined;
  /** What the caller named the request by; the same when it is sent again. Pass it on to whom you call outside. */
  readonly id: string | undefined;
  /**
   * What is kept under the message's key, where the contract has a schema for it. What a handler changes is written in one
   * step with the end of its message and the casts it made by `ctx.client`; when it fails, nothing is.
   */
  readonly state: State extends StandardSchema ? KeyState<InputOf<State>, OutputOf<State>> : undefined;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Aborts at the deadline, when the caller has aborted, left its stream or is gone, and when the node must give the message
   * up; `signal.reason.code` says why. Created on first use.
   */
  readonly signal: AbortSignal;
  readonly log: Log;
  /**
   * A declared error, to be thrown: `throw ctx.fail('EMAIL_TAKEN', { email })`. It is not delivered again. Details that do not
   * fit their schema are told as `OUTPUT_INVALID` instead.
   */
  fail<Code extends ErrorCode<M>>(code: Code, details: ErrorDetails<M, Code>, message?: string): ActorError;
  /** A client whose calls inherit this message's deadline. Not available in a thread. */
  client<Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions): Client<Methods>;
}

export type Handler<M extends MethodSpec, State extends StateSchema = StateSchema> = (
  input: ParsedInput<M>,
  ctx: Context<M, State>,
) => HandlerResult<M> | Promise<HandlerResult<M>>;

export type Handlers<Methods extends MethodSpecs, State extends StateSchema = StateSchema> = {
  readonly [Name in keyof Methods]: Handler<Methods[Name], State>;
};

/** Handlers for one contract, with the policies of its mailbox. */
export interface Actor<Methods extends MethodSpecs = MethodSpecs, State extends StateSchema = StateSchema> {
  readonly contract: Contract<Methods, State>;
  readonly handlers: Handlers<Methods, State>;
  readonly policy: ActorPolicy;
}

/**
 * Binds handlers to a contract.
 * @throws ConfigError when a method has no handler, a handler no method, or an option is wrong.
 */
export function actor<Methods extends MethodSpecs, State extends StateSchema>(
  contract: Contract<Methods, State>,
  handlers: Handlers<Methods, State>,
  options: ActorOptions = {},
): Actor<Methods, State> {
  for (const method of Object.keys(contract.methods)) {
    if (typeof handlers[method] !== 'function')
      throw new ConfigError(`actor ${contract.name}: handlers.${method} is missing`);
  }
  for (const method of Object.keys(handlers)) {
    if (!Object.hasOwn(contract.methods, method)) {
      throw new ConfigError(`actor ${contract.name}: handlers.${method} is not in the contract`);
    }
  }
  const policy = parseOptions(actorOptionsSchema, options, `actor ${contract.name}: options`);
  if (contract.state !== undefined && policy.keyed === undefined)
    throw new ConfigError(`actor ${contract.name}: its contract has state by key: give options.keyed`);
  if (policy.keyed !== undefined) refuseUnkeyable(contract);
  return Object.freeze({ contract, handlers, policy: Object.freeze(policy) });
}

/** Whether a value (a module's default export, say) is what `actor()` makes. */
export function isActor(value: unknown): value is Actor {
  const candidate = value as Partial<Actor> | null | undefined;
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    typeof candidate.contract?.mailbox === 'string' &&
    typeof candidate.handlers === 'object' &&
    typeof candidate.policy === 'object'
  );
}
