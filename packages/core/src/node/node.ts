/** A node as its user sees it: one process that hosts actors, calls others, and beats. */
import type { Alerts } from '../alerts/alerts.ts';
import type { Alert, RaiseOptions } from '../alerts/alert.ts';
import type { Backend, BackendHealth } from '../backend.ts';
import type { SelectFunction } from '../balance/strategy.ts';
import type { BreakerHandle } from '../breaker/handle.ts';
import type { BatchOptions, BatchParts, BatchResults } from '../calling/batching.ts';
import type { Client, ClientOptions } from '../calling/client.ts';
import type { ClientMiddleware, ServerMiddleware } from '../calling/middleware.ts';
import type { NamedClient } from '../calling/named-client.ts';
import type { LiveConfig } from '../config/live.ts';
import type { Actor } from '../contract/actor.ts';
import type { Contract, MethodSpecs, StateSchema } from '../contract/contract.ts';
import type { StandardSchema, InputOf, OutputOf } from '../contract/standard-schema.ts';
import type { Topic } from '../contract/topic.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { NodeEvents, NodeListener } from './events.ts';
import type { CloseOptions } from '../ground/close-options.ts';
import type { HomeostatError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Health } from '../health/health.ts';
import type { NodeSettings } from './options.ts';
import type { BreakerSetting } from '../policies/service-settings.ts';
import type { BreakerState } from '../ports/breakers.ts';
import type { MailboxDepth } from '../ports/broker.ts';
import type { Registry } from '../registry/registry.ts';
import type { Caching } from '../resilience/cache.ts';
import type { MailboxNumbers } from '../scaling/scaler.ts';
import type { TickFunction, Ticking } from '../schedules/functions.ts';
import type { CronOptions, FunctionOptions } from '../schedules/options.ts';
import type { Schedules } from '../schedules/schedules.ts';
import type { ServeOptions } from '../serving/serve.ts';
import type { OpenState } from '../state/state.ts';
import type { Stats } from './stats.ts';
import type { TopicHandler } from '../topics/context.ts';
import type { PatternSchema, PublishOptions, TopicSubscribeOptions } from '../topics/options.ts';
import type { Subscription } from '../topics/subscription.ts';
import type { TopicRoom } from '../topics/topic-room.ts';

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
