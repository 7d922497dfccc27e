/** A client of a service that is known by its name alone: for tools and doors that cannot import its contract. */
import type { Calling } from './calling.ts';
import type { CallResult, ClientOptions } from './client.ts';
import type { CastOptions, RequestOptions, StreamOptions } from './request-options.ts';
import { Requests } from './requests.ts';
import { ACTOR_NAME, mailboxOf, METHOD_NAME, type Contract, type MethodSpec } from '../contract/contract.ts';
import type { StandardSchema } from '../contract/standard-schema.ts';
import { ConfigError } from '../ground/errors.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { clientOptionsSchema } from '../node/options.ts';
import type { ItemStream } from '../streaming/item-stream.ts';

/**
 * Calls by name. Nothing is known of the methods: no input is checked here (the node does), every one counts as a command,
 * and what their contract says of time, retry, cache and `priority` does not hold. What the settings of the service say does.
 */
export interface NamedClient {
  /** Asks and waits. Rejects with whatever the handler or the runtime says. */
  call(method: string, input?: unknown, options?: RequestOptions): Promise<unknown>;
  /** Asks and waits; never rejects. */
  try(method: string, input?: unknown, options?: RequestOptions): Promise<CallResult<unknown>>;
  /** Tells, durably: resolves when the backend has accepted the message. */
  cast(method: string, input?: unknown, options?: CastOptions): Promise<void>;
  /** Asks a method that yields. */
  stream(method: string, input?: unknown, options?: StreamOptions): ItemStream<unknown>;
}

/** Methods of one service whose requests are kept ready; more are made anew. */
const MOST_METHODS = 256;
/** The service and a major version of it: `user-service@2`. */
const ADDRESS = new RegExp(`^(?<name>${ACTOR_NAME.source.slice(1, -1)})(?:@(?<major>0|[1-9]\\d{0,4}))?$`);
const ANYTHING: StandardSchema = {
  '~standard': { version: 1, vendor: 'homeostat', validate: (value) => ({ value }) },
};
const ANSWERS: MethodSpec = Object.freeze({});
const YIELDS: MethodSpec = Object.freeze({ yields: ANYTHING });

/** @throws ConfigError when the name or an option is wrong. */
export function createNamedClient(calling: Calling, address: string, options: ClientOptions = {}): NamedClient {
  const contract = contractOf(address);
  const parsed = parseOptions(clientOptionsSchema, options, `client(${address})`);
  if (parsed.balance !== undefined) calling.routing.checkStrategy(parsed.balance);
  const answering = new Map<string, Requests>();
  const yielding = new Map<string, Requests>();
  const requests = (known: Map<string, Requests>, method: string, spec: MethodSpec): Requests => {
    const ready = known.get(method);
    if (ready !== undefined) return ready;
    if (!METHOD_NAME.test(method))
      throw new ConfigError(`client(${address}): method "${method}" must match ${METHOD_NAME.source}`);
    const made = new Requests(calling, contract, method, spec, parsed, 0, undefined);
    if (known.size >= MOST_METHODS) known.clear();
    known.set(method, made);
    return made;
  };
  return Object.freeze<NamedClient>({
    call: async (method, input, bag) => requests(answering, method, ANSWERS).call(input, bag),
    try: async (method, input, bag) => requests(answering, method, ANSWERS).try(input, bag),
    cast: async (method, input, bag) => requests(answering, method, ANSWERS).cast(input, bag),
    stream: (method, input, bag) => requests(yielding, method, YIELDS).stream(input, bag),
  });
}

function contractOf(address: string): Contract {
  const { name, major = '1' } = ADDRESS.exec(address)?.groups ?? {};
  if (name === undefined)
    throw new ConfigError(
      `client("${address}"): name a service, "user-service", or a major version of it, "user-service@2"`,
    );
  const version = `${major}.0.0`;
  return Object.freeze({ name, version, mailbox: mailboxOf(name, version), methods: {} });
}
