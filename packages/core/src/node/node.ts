/** A node: one process running the runtime. It hosts actors, calls others, and beats. */
import type { Actor } from '../contract/actor.ts';
import { memory } from '../backends/memory.ts';
import type { Backend, BackendHealth, Link } from '../backend.ts';
import { runBatch, type BatchOptions, type BatchParts, type BatchResults } from '../calling/batching.ts';
import { createClient, type Client, type ClientOptions } from '../calling/client.ts';
import { createNamedClient, type NamedClient } from '../calling/named-client.ts';
import type { BreakerState } from '../ports/breakers.ts';
import type { BreakerHandle } from '../breaker/handle.ts';
import { readConfigFile } from '../config/file.ts';
import type { LiveConfig } from '../config/live.ts';
import type { Contract, MethodSpecs, StateSchema } from '../contract/contract.ts';
import { mailboxesOf, type Lined } from '../contract/lines.ts';
import { DeadLetters } from './dead-letters.ts';
import { depthOf } from './depths.ts';
import { drainMsOf, type CloseOptions } from '../ground/close-options.ts';
import type { HomeostatError } from '../ground/errors.ts';
import { Emitter, type NodeEvents, type NodeListener } from './events.ts';
import type { Alerts } from '../alerts/alerts.ts';
import type { Alert, RaiseOptions } from '../alerts/alert.ts';
import { Balancer } from '../balance/balancer.ts';
import type { SelectFunction } from '../balance/strategy.ts';
import type { Health } from '../health/health.ts';
import { loadActor } from './load-actors.ts';
import { defaultLog, type Log } from '../ground/log.ts';
import type { MailboxDepth } from '../ports/broker.ts';
import type { ClientMiddleware, ServerMiddleware } from '../calling/middleware.ts';
import { nodeSettingsSchema, type NodePolicy, type NodeSettings } from './options.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { Policies } from '../policies/policies.ts';
import { Profiles } from '../policies/profiles.ts';
import type { Registry } from '../registry/registry.ts';
import type { Caching } from '../resilience/cache.ts';
import { breakerPolicy } from '../resilience/policies.ts';
import { Runtime } from './runtime.ts';
import type { TickFunction, Ticking } from '../schedules/functions.ts';
import type { CronOptions, FunctionOptions } from '../schedules/options.ts';
import type { Schedules } from '../schedules/schedules.ts';
import { lendSendHooks } from '../calling/send-hooks.ts';
import type { MailboxNumbers } from '../scaling/scaler.ts';
import { serveOptions, type ServeOptions } from '../serving/serve.ts';
import type { BreakerSetting } from '../policies/service-settings.ts';
import { ownSignals } from './signals.ts';
import type { StandardSchema, InputOf, OutputOf } from '../contract/standard-schema.ts';
import type { Topic } from '../contract/topic.ts';
import type { TopicHandler } from '../topics/context.ts';
import { groupMailbox } from '../topics/names.ts';
import type { PatternSchema, PublishOptions, TopicSubscribeOptions } from '../topics/options.ts';
import type { Subscription } from '../topics/subscription.ts';
import type { TopicRoom } from '../topics/topic-room.ts';
import type { StateOptions } from '../state/options.ts';
import { State, type OpenState } from '../state/state.ts';
import type { Stats } from './stats.ts';

export interface NodeOptions extends NodeSettings {
  /** What carries the messages. Default: `memory()`, for one process. */
  readonly backend?: Backend | undefined;
  /** A pino logger, or one of its shape. Default: pino on stderr at `LOG_LEVEL` (warn). */
  readonly log?: Log | undefined;
  /** Around every call of this node, and around every handler; more can be added by `node.use`. Outermost first. */
  readonly middleware?: Middleware | readonly Middleware[] | undefined;
  /** Strategies of your own, by the name that `balance` then takes. */
  readonly strategies?: Readonly<Record<string, SelectFunction>> | undefined;
}

export interface Middleware {
  readonly client?: ClientMiddleware | undefined;
  readonly server?: ServerMiddleware | undefined;
}

/** Who is there; a node's own picture, kept up by news. */
export type NodeRegistry = Pick<
  Registry,
  | 'acquire'
  | 'discover'
  | 'instances'
  | 'lookups'
  | 'markOf'
  | 'nodes'
  | 'pick'
  | 'refresh'
  | 'services'
  | 'setStatus'
  | 'waitFor'
>;

/** How this node and the others fare. */
export type NodeHealth = Pick<
  Health,
  | 'all'
  | 'check'
  | 'dependsOn'
  | 'figures'
  | 'history'
  | 'liveness'
  | 'of'
  | 'overview'
  | 'readiness'
  | 'run'
  | 'standing'
>;

/** Live settings of services, shared by all nodes. */
export type NodeConfig = Pick<LiveConfig, 'effective' | 'get' | 'history' | 'set'>;

/** What hurts, anywhere, and who is told. */
export type NodeAlerts = Pick<
  Alerts,
  | 'ack'
  | 'clear'
  | 'condition'
  | 'configure'
  | 'escalate'
  | 'get'
  | 'list'
  | 'policy'
  | 'raise'
  | 'resolve'
  | 'silence'
  | 'silenceHistory'
  | 'silences'
  | 'stats'
  | 'subscribe'
  | 'unsilence'
>;

/** Messages by the clock, for all nodes together. */
export type NodeSchedules = Pick<Schedules, 'cancel' | 'get' | 'list' | 'put'>;
/** Topics and their groups. */
export type NodeTopics = Pick<TopicRoom, 'drop' | 'list' | 'replay' | 'stats'>;

export type NodeCache = Pick<Caching, 'invalidate' | 'stats'>;

export interface NodeStats extends Readonly<Stats> {
  /** Handlers that run now. */
  readonly inFlight: number;
  /** Calls of this node that wait for their answers. */
  readonly pendingCalls: number;
  /** Answers that came after their call had ended. */
  readonly lateReplies: number;
  /** Endings that the backend refused because the entry was no longer ours. */
  readonly lostSettlements: number;
}

export interface NodeLink extends BackendHealth {
  /** `memory`, `redis localhost:6379`. */
  readonly name: string;
  /** False from an eviction until the node has joined again. */
  readonly member: boolean;
}

export interface ActorNode extends AsyncDisposable {
  /** Id as a member; another one after the node has rejoined. */
  readonly id: string;
  readonly name: string;
  /**
   * Serves an actor, or the actor that a module exports as default. Resolves when its mailbox exists, is being read, and
   * others see it. A module is needed for `pool: 'threads'`, and is then loaded in every thread.
   * @throws ConfigError when it is no actor, is served already, or an option is wrong.
   */
  serve<Methods extends MethodSpecs, State extends StateSchema>(
    actor: Actor<Methods, State> | URL,
    options?: ServeOptions,
  ): Promise<void>;
  /**
   * Serves an actor no more: others are told, nothing more is claimed, what has not started goes to whoever has room, and
   * what runs has `drainMs` (default: the node's) to finish. Resolves when nobody can see it here any more. What is sent
   * on waits in the mailbox for the next that serves it.
   * @throws ConfigError when this node does not serve it, or an option is wrong.
   */
  unserve(contract: Contract, options?: CloseOptions): Promise<void>;
  /** A typed client of a contract. Cheap; keeps no connection of its own. */
  client<Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions): Client<Methods>;
  /** A client of a service by its name (major version 1), or by `name@major`, where its contract cannot be imported. */
  client(service: string, options?: ClientOptions): NamedClient;
  /**
   * Runs several requests at once: a record or a list of promises, or of functions that make them. Results stand under the
   * same names, or in the same order; what fails is a result as well.
   * @throws ConfigError for a wrong option alone.
   */
  batch<const Parts extends BatchParts>(parts: Parts, options?: BatchOptions): Promise<BatchResults<Parts>>;
  readonly registry: NodeRegistry;
  readonly health: NodeHealth;
  readonly config: NodeConfig;
  readonly cache: NodeCache;
  readonly alerts: NodeAlerts;
  /**
   * Something hurts: `node.alerts.raise('pain', options)`. Resolves once it is written; when the backend is away, once it
   * is in the log and kept.
   * @throws ValidationError
   */
  pain(options: RaiseOptions): Promise<Alert>;
  /** Something goes better than it should. See `pain`. */
  pleasure(options: RaiseOptions): Promise<Alert>;
  /**
   * A shared breaker by name, for work of your own; `service.method` names the one of a method. Without a setting it keeps
   * the one it has.
   */
  breaker(name: string, setting?: Exclude<BreakerSetting, false>): BreakerHandle;
  /** Every shared breaker that this node knows of. */
  breakers(): readonly BreakerState[];
  /**
   * Shared state by key, such as carts or sessions: the same for all nodes that name it so. Cheap; keeps no connection.
   * @throws ConfigError
   */
  readonly state: OpenState;
  readonly schedules: NodeSchedules;
  /**
   * Runs a function every `ms` milliseconds (100 to a year) in backend time: on this node, or with `singleton` on one of
   * the nodes that do so under the same name. A tick that finds the last run still going goes by; a run that fails is
   * logged and not repeated.
   * @throws ConfigError; TransportError where a singleton cannot be written.
   */
  every(ms: number, run: TickFunction, options?: FunctionOptions): Promise<Ticking>;
  /** As `every`, by a cron expression: five fields, or six with seconds first, or `@daily` and its like. */
  cron(expression: string, run: TickFunction, options?: CronOptions): Promise<Ticking>;
  /**
   * Tells every group that has subscribed to the topic, durably: resolves when the backend has accepted it, with a copy
   * for each. What is published while a group is down waits for it.
   * @throws ValidationError, MailboxFull naming the group that has no room, CallTimeout, TransportError, …
   */
  publish<Schema extends StandardSchema>(
    topic: Topic<Schema>,
    payload: InputOf<Schema>,
    options?: PublishOptions,
  ): Promise<void>;
  /**
   * Tells every node that has subscribed with `everyNode`, once or never: nothing is kept for who is away. Resolves when
   * it is in the inboxes of those that are there.
   */
  broadcast<Schema extends StandardSchema>(
    topic: Topic<Schema>,
    payload: InputOf<Schema>,
    options?: PublishOptions,
  ): Promise<void>;
  /**
   * Handles what is published to a topic, as a member of a group: one node of each group handles a message, at least
   * once. The group is attached when this resolves, and stays so when nobody is there. With `everyNode`: hears what is
   * broadcast. A text is a pattern: `orders.*` for one segment, `orders.>` for all that follow; topics to come included.
   * @throws ConfigError when an option is wrong, or this node serves the group already.
   */
  subscribe<Schema extends StandardSchema>(
    topic: Topic<Schema>,
    handler: TopicHandler<OutputOf<Schema>>,
    options?: TopicSubscribeOptions,
  ): Promise<Subscription>;
  subscribe<Schema extends StandardSchema = StandardSchema>(
    pattern: string,
    handler: TopicHandler<OutputOf<Schema>>,
    options?: TopicSubscribeOptions & PatternSchema<Schema>,
  ): Promise<Subscription>;
  readonly topics: NodeTopics;
  /** Adds middleware, inside of what was added before. */
  use(middleware: Middleware): void;
  /** Listens to what happens; the answer ends it. @throws ConfigError for an event that there is not */
  on<Name extends keyof NodeEvents>(name: Name, listener: NodeListener<Name>): () => void;
  /** Told of every call of this node that failed for good, once; the answer ends it. */
  onError(listener: (error: HomeostatError, call: Omit<NodeEvents['error'], 'error'>) => void): () => void;
  /** Of an actor, or of a group of a topic. */
  deadLetters(contract: Contract): DeadLetters;
  deadLetters(topic: Topic, group: string): DeadLetters;
  /** How much waits in the mailbox of a contract, or of a group of a topic. */
  depth(contract: Contract): Promise<MailboxDepth>;
  depth(topic: Topic, group: string): Promise<MailboxDepth>;
  /**
   * How far the mailbox of an actor that this node serves lags, as of a second ago; undefined where nobody asked for it by
   * a `scale` setting or by listening to `scale`.
   */
  lag(contract: Contract): MailboxNumbers | undefined;
  stats(): NodeStats;
  /** The connection to the backend. */
  link(): Promise<NodeLink>;
  /** Backend time, ms since the epoch: the clock of every deadline. */
  now(): number;
  /**
   * Stops claiming, lets what runs finish, hands back the rest, leaves. Safe to call twice.
   * @throws ConfigError when an option is wrong; the node goes on then.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Starts a node: resolves when it is a member, its inbox is open, it beats and knows the others, and what it `requires`
 * is there.
 * @throws ConfigError naming a wrong option; TransportError when the backend cannot be reached; ServiceNotFound or
 * NoHealthyInstances for what it requires in vain.
 */
export async function createNode(options: NodeOptions = {}): Promise<ActorNode> {
  const { backend = memory(), log = defaultLog(), middleware = [], strategies = {}, ...settings } = options;
  const policy = parseOptions(nodeSettingsSchema, settings, 'createNode');
  const balancer = new Balancer({ log });
  for (const [name, select] of Object.entries(strategies)) balancer.register(name, select);
  const policies = await policiesOf(policy, balancer);
  const link = await backend.connect({ name: policy.name, namespace: policy.namespace, beat: policy.beat, log });
  const around = [middleware].flat();
  const parts = {
    link,
    policy,
    policies,
    log,
    balancer,
    events: new Emitter(log),
    clientMiddleware: around.flatMap(({ client }) => client ?? []),
    serverMiddleware: around.flatMap(({ server }) => server ?? []),
  };
  let runtime: Runtime | undefined;
  try {
    runtime = new Runtime(parts);
    await runtime.join();
    if (policy.requires.length > 0)
      await runtime.shared.registry.waitFor(policy.requires, { timeoutMs: policy.requiresTimeoutMs });
  } catch (thrown) {
    if (runtime?.member === true) await runtime.close(0);
    else await link.close();
    throw thrown;
  }
  return new Node(runtime, link, backend, parts);
}

async function policiesOf(policy: NodePolicy, balancer: Balancer): Promise<Policies> {
  const file = policy.config === undefined ? {} : await readConfigFile(policy.config);
  return new Policies({
    defaults: { ...file.defaults, ...policy.defaults },
    file: file.services,
    code: policy.services,
    profiles: new Profiles(policy.profiles),
    checkStrategy: (name) => balancer.check(name),
  });
}

interface NodeParts {
  readonly events: Emitter;
  readonly policies: Policies;
  readonly clientMiddleware: ClientMiddleware[];
  readonly serverMiddleware: ServerMiddleware[];
}

class Node implements ActorNode {
  readonly name: string;
  readonly registry: NodeRegistry;
  readonly health: NodeHealth;
  readonly config: NodeConfig;
  readonly cache: NodeCache;
  readonly alerts: NodeAlerts;
  readonly state: OpenState;
  readonly schedules: NodeSchedules;
  readonly topics: NodeTopics;
  readonly #runtime: Runtime;
  readonly #link: Link;
  readonly #backend: Backend;
  readonly #parts: NodeParts;
  readonly #disownSignals: () => void;
  #closing: Promise<void> | undefined;

  constructor(runtime: Runtime, link: Link, backend: Backend, parts: NodeParts) {
    this.name = runtime.policy.name;
    this.registry = runtime.shared.registry;
    this.health = runtime.health;
    this.config = runtime.shared.config;
    this.cache = runtime.calling.resilience.caching;
    this.alerts = runtime.shared.alerts.alerts;
    this.schedules = runtime.shared.schedules;
    this.topics = runtime.topics;
    this.state = (namespace: string, options?: StateOptions) =>
      new State<never, never>(link.state, runtime.policy.maxBodyBytes, namespace, options);
    this.#runtime = runtime;
    this.#link = link;
    this.#backend = backend;
    this.#parts = parts;
    lendSendHooks(this, runtime.calling.sendHooks);
    this.#disownSignals = runtime.policy.signals ? ownSignals(this) : () => {};
  }

  get id(): string {
    return this.#runtime.id;
  }

  async serve<Methods extends MethodSpecs, State extends StateSchema>(
    actor: Actor<Methods, State> | URL,
    options: ServeOptions = {},
  ): Promise<void> {
    const parsed = serveOptions(options, actor);
    const served = actor instanceof URL ? await loadActor(actor) : (actor as unknown as Actor);
    await this.#runtime.serve(served, parsed);
  }

  async unserve(contract: Contract, options: CloseOptions = {}): Promise<void> {
    const drainMs = drainMsOf(options, 'unserve') ?? this.#runtime.policy.drainMs;
    await this.#runtime.unserve(contract.mailbox, drainMs);
  }

  client<Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions): Client<Methods>;
  client(service: string, options?: ClientOptions): NamedClient;
  client(of: Contract | string, options?: ClientOptions): unknown {
    const { calling } = this.#runtime;
    return typeof of === 'string' ? createNamedClient(calling, of, options) : createClient(calling, of, options);
  }

  batch<const Parts extends BatchParts>(parts: Parts, options?: BatchOptions): Promise<BatchResults<Parts>> {
    return runBatch(parts, options) as Promise<BatchResults<Parts>>;
  }

  publish(topic: Topic, payload: unknown, options?: PublishOptions): Promise<void> {
    return this.#runtime.topics.publish(topic, payload, options);
  }

  broadcast(topic: Topic, payload: unknown, options?: PublishOptions): Promise<void> {
    return this.#runtime.topics.broadcast(topic, payload, options);
  }

  subscribe(
    to: Topic | string,
    handler: TopicHandler<never>,
    options?: TopicSubscribeOptions & PatternSchema,
  ): Promise<Subscription> {
    return this.#runtime.topics.subscribe(to, handler, options);
  }

  deadLetters(of: Contract | Topic, group?: string): DeadLetters {
    const { broker, partitions } = this.#link;
    const { mailbox, ...lines } = lined(of, group);
    const { maxBodyBytes } = this.#runtime.policy;
    return new DeadLetters(broker, mailboxesOf({ mailbox, ...lines }), maxBodyBytes, () => partitions.count(mailbox));
  }

  depth(of: Contract | Topic, group?: string): Promise<MailboxDepth> {
    return depthOf(this.#link.broker, lined(of, group));
  }

  stats(): NodeStats {
    return this.#runtime.stats();
  }

  async link(): Promise<NodeLink> {
    return { name: this.#backend.name, member: this.#runtime.member, ...(await this.#link.health()) };
  }

  pain(options: RaiseOptions): Promise<Alert> {
    return this.alerts.raise('pain', options);
  }

  pleasure(options: RaiseOptions): Promise<Alert> {
    return this.alerts.raise('pleasure', options);
  }

  breaker(name: string, setting?: Exclude<BreakerSetting, false>): BreakerHandle {
    const policy = setting === undefined ? undefined : breakerPolicy(setting, this.#parts.policies.profiles);
    return this.#runtime.shared.breaking.handle(name, policy);
  }

  breakers(): readonly BreakerState[] {
    return this.#runtime.shared.breaking.list();
  }

  every(ms: number, run: TickFunction, options: FunctionOptions = {}): Promise<Ticking> {
    return this.#runtime.functions.begin('every', { every: ms }, run, options);
  }

  cron(expression: string, run: TickFunction, { timeZone, ...options }: CronOptions = {}): Promise<Ticking> {
    return this.#runtime.functions.begin('cron', { cron: expression, timeZone }, run, options);
  }

  use({ client, server }: Middleware): void {
    if (client !== undefined) this.#parts.clientMiddleware.push(client);
    if (server !== undefined) this.#parts.serverMiddleware.push(server);
  }

  on<Name extends keyof NodeEvents>(name: Name, listener: NodeListener<Name>): () => void {
    return this.#parts.events.on(name, listener);
  }

  onError(listener: (error: HomeostatError, call: Omit<NodeEvents['error'], 'error'>) => void): () => void {
    return this.on('error', ({ error, ...call }) => listener(error, call));
  }

  lag(contract: Contract): MailboxNumbers | undefined {
    return this.#runtime.scaler.numbers(contract.mailbox);
  }

  now(): number {
    return this.#link.now();
  }

  close(options: CloseOptions = {}): Promise<void> {
    let drainMs: number;
    try {
      drainMs = drainMsOf(options, 'close') ?? this.#runtime.policy.drainMs;
    } catch (wrong) {
      return Promise.reject(wrong);
    }
    this.#disownSignals();
    this.#closing ??= this.#runtime.close(drainMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function lined(of: Contract | Topic, group = ''): Lined {
  return 'mailbox' in of ? of : { mailbox: groupMailbox(of.name, group) };
}
