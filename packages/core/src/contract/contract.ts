import { z } from 'zod';
import { ConfigError } from '../ground/errors.ts';
import { onceSchema } from './once.ts';
import type { LimitsSetting } from '../limits/settings.ts';
import type { FairBy } from './lines.ts';
import { parseOptions } from '../ground/parse-options.ts';
import {
  methodSettingsSchema,
  type BreakerSetting,
  type CacheSetting,
  type RetrySetting,
} from '../policies/service-settings.ts';
import type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts';

export interface MethodSpec {
  /** What the caller sends. Checked by the caller, parsed (defaults, transforms) in the node. */
  readonly input?: StandardSchema;
  /** What the handler returns. Parsed in the node before it leaves. */
  readonly output?: StandardSchema;
  /** One item of the stream that the handler, an async generator, answers with. Each is parsed in the node. Instead of `output`. */
  readonly yields?: StandardSchema;
  /** Errors that the handler may raise by `ctx.fail(code, details)`, each with the schema of its details. */
  readonly errors?: Readonly<Record<string, StandardSchema>>;
  /** A `query` has no effect and may be repeated; a `command` (default) has one. */
  readonly kind?: 'query' | 'command';
  /**
   * `at-most-once`: settled before it is run, so that it is never run twice; what a crash interrupts is lost, and its caller
   * gets `CALL_TIMEOUT`. Default `at-least-once`: run again after a crash.
   */
  readonly delivery?: 'at-least-once' | 'at-most-once';
  /** How long the answer to a request with an `id` stands, ms; at most 30 days. Default 1 h. */
  readonly onceMs?: number;
  /** How long a call waits for its answer, ms. Default: the client's. */
  readonly timeoutMs?: number;
  /** How its callers try again; the service's settings and each client may say otherwise. */
  readonly retry?: RetrySetting;
  /** When its callers stop calling; as with `retry`. */
  readonly breaker?: BreakerSetting;
  /** Whether its answers may come from the shared cache; as with `retry`. */
  readonly cache?: CacheSetting;
  /** How often, and how often at once, it runs over all nodes; as with `retry`. */
  readonly limits?: LimitsSetting;
  /** Names an answer in the cache, for `node.cache.invalidate`: `product:123`. Default: method and input. */
  readonly cacheKey?: (input: never) => string;
}

export type MethodSpecs = Readonly<Record<string, MethodSpec>>;

/** Schema of what is kept under each key of a keyed actor; undefined: nothing is. */
export type StateSchema = StandardSchema | undefined;

/** Names, schemas and policies of what an actor accepts and answers; importable without the handlers. */
export interface Contract<Methods extends MethodSpecs = MethodSpecs, State extends StateSchema = StateSchema> {
  readonly name: string;
  /** Semantic version; its major part is part of the mailbox, so majors live side by side. */
  readonly version: string;
  readonly mailbox: string;
  readonly methods: Methods;
  /** Its requests may say `priority`: each has a line of its own, and so have the runtime's own messages. */
  readonly priorities?: true;
  /** Between whom turns are taken, so that nobody waits for all that somebody else has sent. */
  readonly fair?: FairBy;
  /** Of what its handlers keep under each key, as `ctx.state`. Keyed actors only. */
  readonly state?: State;
}

/** What a caller passes to method `M`. */
export type Input<M extends MethodSpec> = M extends { readonly input: infer Schema } ? InputOf<Schema> : undefined;
/** What the handler of method `M` receives. */
export type ParsedInput<M extends MethodSpec> = M extends { readonly input: infer Schema }
  ? OutputOf<Schema>
  : undefined;
/** What the handler of method `M` returns. */
export type HandlerResult<M extends MethodSpec> = M extends { readonly yields: infer Schema }
  ? AsyncIterable<InputOf<Schema>>
  : M extends { readonly output: infer Schema }
    ? InputOf<Schema>
    : void;
/** One item of what a caller of method `M` gets, where that is a stream. */
export type Item<M extends MethodSpec> = M extends { readonly yields: infer Schema } ? OutputOf<Schema> : never;
/** What a caller of method `M` gets. */
export type Output<M extends MethodSpec> = M extends { readonly output: infer Schema } ? OutputOf<Schema> : undefined;
/** The declared error codes of method `M`. */
export type ErrorCode<M extends MethodSpec> = M extends { readonly errors: infer Errors }
  ? keyof Errors & string
  : never;
/** The details that go with error `Code` of method `M`. */
export type ErrorDetails<M extends MethodSpec, Code extends string> = M extends { readonly errors: infer Errors }
  ? Code extends keyof Errors
    ? InputOf<Errors[Code]>
    : never
  : never;

/** Actor names become key names: lower case letters, digits and dashes, at most 64. */
export const ACTOR_NAME: RegExp = /^[a-z][a-z0-9-]{0,63}$/;
export const METHOD_NAME: RegExp = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const linesSchema = z.strictObject({
  priorities: z.boolean().optional(),
  fair: z
    .union([z.literal('key'), z.strictObject({ header: z.string().min(1).max(256) })], "must be 'key' or { header }")
    .optional(),
});
const SPEC_FIELDS: ReadonlySet<string> = new Set(['version', 'state', 'methods', 'priorities', 'fair']);
/** What a contract has besides, where one is spread into the next: `contract('users', { ...users, version: '2.0.0' })`. */
const OF_CONTRACTS: ReadonlySet<string> = new Set(['name', 'mailbox']);
/** Of each of them; a name that is not among these is a slip of the pen, and what it asks for would not be done. */
const METHOD_FIELDS: Readonly<Record<keyof MethodSpec, true>> = {
  input: true,
  output: true,
  yields: true,
  errors: true,
  kind: true,
  delivery: true,
  onceMs: true,
  timeoutMs: true,
  retry: true,
  breaker: true,
  cache: true,
  limits: true,
  cacheKey: true,
};
const methodFields: ReadonlySet<string> = new Set(Object.keys(METHOD_FIELDS));
const natureSchema = z.strictObject({
  kind: z.enum(['query', 'command']).optional(),
  cacheKey: z.custom<MethodSpec['cacheKey']>((value) => typeof value === 'function', 'must be a function').optional(),
});
const VERSION = /^(0|[1-9]\d{0,4})\.\d{1,5}\.\d{1,5}$/;
/** These would collide with what every client and promise has. */
const RESERVED_METHODS = new Set(['then', 'constructor', 'prototype']);

/**
 * Declares what an actor accepts and answers.
 * @param name lower case letters, digits and dashes; it becomes part of key names.
 * @throws ConfigError naming the part that is wrong.
 */
export function contract<const Methods extends MethodSpecs, const State extends StateSchema = undefined>(
  name: string,
  spec: {
    /** `1.2.3`; each major version has a mailbox of its own. Default 1.0.0. */
    readonly version?: string;
    /** What is kept under each key, as `ctx.state`: any Standard Schema that answers at once. For keyed actors. */
    readonly state?: State;
    readonly methods: Methods;
    /** Requests may say `priority: 'high' | 'normal' | 'low'`. Callers and nodes must both know. Default false. */
    readonly priorities?: boolean;
    /** Turns are taken between keys, or between values of a header (a tenant). Callers and nodes must both know. */
    readonly fair?: FairBy;
  },
): Contract<Methods, State> {
  const version = spec.version ?? '1.0.0';
  if (!ACTOR_NAME.test(name)) throw new ConfigError(`contract name "${name}" must match ${ACTOR_NAME.source}`);
  if (!VERSION.test(version)) throw new ConfigError(`contract ${name}: version "${version}" must be like 1.2.3`);
  refuseUnknown(`contract ${name}: `, spec, SPEC_FIELDS);
  const methods = Object.keys(spec.methods ?? {});
  if (methods.length === 0) throw new ConfigError(`contract ${name}: methods must name at least one method`);
  for (const method of methods) {
    if (!METHOD_NAME.test(method) || RESERVED_METHODS.has(method)) {
      throw new ConfigError(
        `contract ${name}: methods.${method} must match ${METHOD_NAME.source} and not be ${[...RESERVED_METHODS].join(', ')}`,
      );
    }
    refuseUnknown(`contract ${name}: methods.${method}.`, spec.methods[method]!, methodFields);
    checkSchemas(name, method, spec.methods[method]!);
    checkSettings(name, method, spec.methods[method]!);
  }
  if (spec.state !== undefined) checkSchema(name, 'state', spec.state);
  return Object.freeze({
    name,
    version,
    mailbox: mailboxOf(name, version),
    methods: Object.freeze({ ...spec.methods }),
    ...linesSpec(name, spec),
    ...(spec.state === undefined ? undefined : { state: spec.state }),
  });
}

export function mailboxOf(name: string, version: string): string {
  return `${name}@${version.slice(0, version.indexOf('.'))}`;
}

/** Whether a value is what `contract()` makes. */
export function isContract(value: unknown): value is Contract {
  return typeof (value as Partial<Contract> | null | undefined)?.mailbox === 'string';
}

function refuseUnknown(where: string, given: object, known: ReadonlySet<string>): void {
  const taken = isContract(given) ? OF_CONTRACTS : undefined;
  const unknown = Object.keys(given).find((field) => !known.has(field) && taken?.has(field) !== true);
  if (unknown !== undefined)
    throw new ConfigError(`${where}${unknown} is not known; there are ${[...known].join(', ')}`);
}

function linesSpec(
  name: string,
  { priorities, fair }: { readonly priorities?: boolean; readonly fair?: FairBy },
): Pick<Contract, 'priorities' | 'fair'> {
  const said = parseOptions(linesSchema, { priorities, fair }, `contract ${name}`);
  return {
    ...(said.priorities === true ? { priorities: true } : undefined),
    ...(said.fair === undefined ? undefined : { fair: said.fair }),
  };
}

function checkSchemas(name: string, method: string, spec: MethodSpec): void {
  const schemas: [string, unknown][] = [
    ['input', spec.input],
    ['output', spec.output],
    ['yields', spec.yields],
  ];
  if (spec.output !== undefined && spec.yields !== undefined) {
    throw new ConfigError(
      `contract ${name}: methods.${method}.yields stands beside output: a method answers once, or with a stream`,
    );
  }
  for (const [code, schema] of Object.entries(spec.errors ?? {})) schemas.push([`errors.${code}`, schema]);
  for (const [path, schema] of schemas) {
    if (schema !== undefined) checkSchema(name, `methods.${method}.${path}`, schema);
  }
}

function checkSchema(name: string, path: string, schema: unknown): void {
  if (typeof (schema as StandardSchema | null)?.['~standard']?.validate !== 'function')
    throw new ConfigError(`contract ${name}: ${path} must be a Standard Schema (zod, valibot, arktype, …)`);
}

function checkSettings(name: string, method: string, spec: MethodSpec): void {
  const { timeoutMs, retry, breaker, cache, limits, onceMs, delivery, kind, cacheKey } = spec;
  parseOptions(natureSchema, { kind, cacheKey }, `contract ${name}: methods.${method}`);
  if (kind !== 'query' && cache !== undefined && cache !== false)
    throw new ConfigError(
      `contract ${name}: methods.${method}.cache: only answers of a query are kept: say kind: 'query'`,
    );
  parseOptions(onceSchema, { onceMs, delivery }, `contract ${name}: methods.${method}`);
  parseOptions(
    methodSettingsSchema,
    { timeoutMs, retry, breaker, cache, limits },
    `contract ${name}: methods.${method}`,
  );
}
