/** What stands behind the face of a node: hands each wish to the part that fulfils it. */
import type { Alert, RaiseOptions } from '../alerts/alert.ts';
import type { Backend } from '../backend.ts';
import type { BreakerHandle } from '../breaker/handle.ts';
import { runBatch, type BatchOptions, type BatchParts, type BatchResults } from '../calling/batching.ts';
import { createClient, type Client, type ClientOptions } from '../calling/client.ts';
import { createNamedClient, type NamedClient } from '../calling/named-client.ts';
import { lendSendHooks } from '../calling/send-hooks.ts';
import { isActor, type Actor } from '../contract/actor.ts';
import { isContract, type Contract, type MethodSpecs, type StateSchema } from '../contract/contract.ts';
import { mailboxesOf, type Lined } from '../contract/lines.ts';
import type { Topic } from '../contract/topic.ts';
import { drainMsOf, type CloseOptions } from '../ground/close-options.ts';
import { ConfigError, type HomeostatError } from '../ground/errors.ts';
import type { BreakerSetting } from '../policies/service-settings.ts';
import type { BreakerState } from '../ports/breakers.ts';
import type { MailboxDepth } from '../ports/broker.ts';
import { breakerPolicy } from '../resilience/policies.ts';
import type { MailboxNumbers } from '../scaling/scaler.ts';
import type { TickFunction, Ticking } from '../schedules/functions.ts';
import type { CronOptions, FunctionOptions } from '../schedules/options.ts';
import { serveOptions, type ServeOptions } from '../serving/serve.ts';
import type { StateOptions } from '../state/options.ts';
import { State, type OpenState } from '../state/state.ts';
import type { TopicHandler } from '../topics/context.ts';
import { groupMailbox } from '../topics/names.ts';
import { checkGroup, type PatternSchema, type PublishOptions, type TopicSubscribeOptions } from '../topics/options.ts';
import type { Subscription } from '../topics/subscription.ts';
import type { NodeParts } from './assemble.ts';
import { DeadLetters } from './dead-letters.ts';
import { depthOf } from './depths.ts';
import type { NodeEvents, NodeListener } from './events.ts';
import { close } from './life/closing.ts';
import { loadActor } from './load-actors.ts';
import type {
  ActorNode,
  Middleware,
  NodeAlerts,
  NodeCache,
  NodeConfig,
  NodeHealth,
  NodeLink,
  NodeRegistry,
  NodeSchedules,
  NodeStats,
  NodeTopics,
} from './node.ts';
import { ownSignals } from './signals.ts';

export class RunningNode implements ActorNode {
  readonly name: string;
  readonly registry: NodeRegistry;
  readonly health: NodeHealth;
  readonly config: NodeConfig;
  readonly cache: NodeCache;
  readonly alerts: NodeAlerts;
  readonly state: OpenState;
  readonly schedules: NodeSchedules;
  readonly topics: NodeTopics;
  readonly #parts: NodeParts;
  readonly #backend: Backend;
  readonly #disownSignals: () => void;
  #closing: Promise<void> | undefined;

  constructor(parts: NodeParts, backend: Backend) {
    const { policy, link, shared, health, calling, topics } = parts;
    this.name = policy.name;
    this.registry = shared.registry;
    this.health = health;
    this.config = shared.config;
    this.cache = calling.resilience.caching;
    this.alerts = shared.alerts.alerts;
    this.schedules = shared.schedules;
    this.topics = topics;
    this.state = (namespace: string, options?: StateOptions) =>
      new State<never, never>(link.state, policy.maxBodyBytes, namespace, options);
    this.#parts = parts;
    this.#backend = backend;
    lendSendHooks(this, calling.sendHooks);
    this.#disownSignals = policy.signals ? ownSignals(this) : () => {};
  }

  get id(): string {
    return this.#parts.standing.id;
  }

  async serve<Methods extends MethodSpecs, State extends StateSchema>(
    actor: Actor<Methods, State> | URL,
    options: ServeOptions = {},
  ): Promise<void> {
    const parsed = serveOptions(options, actor);
    if (!(actor instanceof URL) && !isActor(actor))
      throw new ConfigError(
        'serve: it takes what actor(contract, handlers) makes, or the URL of a module that exports one',
      );
    const served = actor instanceof URL ? await loadActor(actor) : (actor as unknown as Actor);
    await this.#parts.hosting.serve(served, parsed);
  }

  async unserve(contract: Contract, options: CloseOptions = {}): Promise<void> {
    const { hosting, policy } = this.#parts;
    if (!isContract(contract)) throw new ConfigError('unserve: it takes a contract');
    await hosting.unserve(contract.mailbox, drainMsOf(options, 'unserve') ?? policy.drainMs);
  }

  client<Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions): Client<Methods>;
  client(service: string, options?: ClientOptions): NamedClient;
  client(of: Contract | string, options?: ClientOptions): unknown {
    const { calling } = this.#parts;
    if (typeof of === 'string') return createNamedClient(calling, of, options);
    // Undefined where modules import each other in a circle.
    if (!isContract(of)) throw new ConfigError('client: it takes a contract, or the name of a service');
    return createClient(calling, of, options);
  }

  batch<const Parts extends BatchParts>(parts: Parts, options?: BatchOptions): Promise<BatchResults<Parts>> {
    return runBatch(parts, options) as Promise<BatchResults<Parts>>;
  }

  publish(topic: Topic, payload: unknown, options?: PublishOptions): Promise<void> {
    return this.#parts.topics.publish(topic, payload, options);
  }

  broadcast(topic: Topic, payload: unknown, options?: PublishOptions): Promise<void> {
    return this.#parts.topics.broadcast(topic, payload, options);
  }

  subscribe(
    to: Topic | string,
    handler: TopicHandler<never>,
    options?: TopicSubscribeOptions & PatternSchema,
  ): Promise<Subscription> {
    return this.#parts.topics.subscribe(to, handler, options);
  }

  deadLetters(of: Contract | Topic, group?: string): DeadLetters {
    const { link, policy } = this.#parts;
    const { broker, partitions } = link;
    const { mailbox, ...lines } = lined(of, group, 'deadLetters');
    return new DeadLetters(broker, mailboxesOf({ mailbox, ...lines }), policy.maxBodyBytes, () =>
      partitions.count(mailbox),
    );
  }

  async depth(of: Contract | Topic, group?: string): Promise<MailboxDepth> {
    return depthOf(this.#parts.link.broker, lined(of, group, 'depth'));
  }

  stats(): NodeStats {
    const { stats, actors, replies, correspondence, settling } = this.#parts;
    return {
      ...stats,
      inFlight: actors.inFlight,
      pendingCalls: replies.size + correspondence.incoming.size,
      lateReplies: replies.late,
      lostSettlements: settling.lost + actors.lostByKey,
    };
  }

  async link(): Promise<NodeLink> {
    const { standing, link } = this.#parts;
    return { name: this.#backend.name, member: standing.member, ...(await link.health()) };
  }

  pain(options: RaiseOptions): Promise<Alert> {
    return this.alerts.raise('pain', options);
  }

  pleasure(options: RaiseOptions): Promise<Alert> {
    return this.alerts.raise('pleasure', options);
  }

  breaker(name: string, setting?: Exclude<BreakerSetting, false>): BreakerHandle {
    const policy = setting === undefined ? undefined : breakerPolicy(setting, this.#parts.policies.profiles);
    return this.#parts.shared.breaking.handle(name, policy);
  }

  breakers(): readonly BreakerState[] {
    return this.#parts.shared.breaking.list();
  }

  every(ms: number, run: TickFunction, options: FunctionOptions = {}): Promise<Ticking> {
    return this.#parts.functions.begin('every', { every: ms }, run, options);
  }

  cron(expression: string, run: TickFunction, { timeZone, ...options }: CronOptions = {}): Promise<Ticking> {
    return this.#parts.functions.begin('cron', { cron: expression, timeZone }, run, options);
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
    return this.#parts.scaler.numbers(contract.mailbox);
  }

  now(): number {
    return this.#parts.link.now();
  }

  close(options: CloseOptions = {}): Promise<void> {
    let drainMs: number;
    try {
      drainMs = drainMsOf(options, 'close') ?? this.#parts.policy.drainMs;
    } catch (wrong) {
      return Promise.reject(wrong);
    }
    this.#disownSignals();
    this.#closing ??= close(this.#parts, drainMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** @throws ConfigError when it is neither a contract nor a topic with a group. */
function lined(of: Contract | Topic, group: string | undefined, where: string): Lined {
  if (isContract(of)) return of;
  if (typeof of?.name !== 'string')
    throw new ConfigError(`${where}: it takes a contract, or a topic and a group of it`);
  const subject = `${where} ${of.name}`;
  if (group === undefined)
    throw new ConfigError(`${subject}: each group has a mailbox of its own: name one; node.topics.list() has them`);
  checkGroup(group, subject);
  return { mailbox: groupMailbox(of.name, group) };
}
