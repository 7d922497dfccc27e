/** Where a request goes: to whoever has room, to one instance, or to an actor in this process. */
import type { Contract } from '../contract/contract.ts';
import { ConfigError, NoHealthyInstances, ServiceDisabled } from '../ground/errors.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { Dispatcher } from '../serving/dispatcher.ts';
import type { Instance } from '../registry/instance.ts';
import type { InstanceFilter } from '../registry/filter.ts';
import type { Registry } from '../registry/registry.ts';
import type { Wish } from '../resilience/request.ts';
import type { CanaryPolicy, ServicePolicy } from '../policies/service-settings.ts';

/** An actor in this process that a call can be handed to. */
export type LocalActor = Pick<Dispatcher, 'hasRoom' | 'runLocal'>;

export interface Route {
  readonly mailbox: string;
  /** Node that it is for; absent: whoever has room. */
  readonly target?: string | undefined;
  readonly local?: LocalActor | undefined;
}

/** What decides about a route, from the service's policy or stronger. */
export type RoutingPolicy = Pick<
  ServicePolicy,
  'balance' | 'canary' | 'delivery' | 'deliveryReason' | 'failFast' | 'limits' | 'localMaxLoad'
>;

export interface RoutingNeeds {
  readonly registry: Registry;
  readonly balancer: Balancer;
  local(mailbox: string): LocalActor | undefined;
}

/** Strategy of targeted sends for which none was named. */
const DEFAULT_STRATEGY = 'round_robin';
/** Not a strategy: the mailbox decides. */
const PULL = 'pull';

export class Routing {
  readonly #needs: RoutingNeeds;
  /** Service → how much of a canary call has gathered. */
  readonly #canary = new Map<string, number>();

  constructor(needs: RoutingNeeds) {
    this.#needs = needs;
  }

  /** @throws ConfigError when there is no such strategy. */
  checkStrategy(name: string): void {
    if (name !== PULL) this.#needs.balancer.check(name);
  }

  /** @throws ServiceDisabled */
  refuseDisabled(service: string, policy: RoutingPolicy): void {
    if (policy.delivery === 'disabled')
      throw new ServiceDisabled(service, policy.deliveryReason === '' ? 'no reason given' : policy.deliveryReason);
  }

  /** @throws ConfigError; ServiceNotFound, NoHealthyInstances when it must go to somebody, and there is nobody. */
  route(
    contract: Contract,
    policy: RoutingPolicy,
    wish: Wish | undefined,
    key: string | undefined,
    id?: string,
  ): Route {
    const { name: service, mailbox } = contract;
    // Limits are kept where a mailbox is read.
    if (policy.delivery === 'local' && policy.limits !== false) throw limited(service);
    // Every node must know of an id: it has no short-cut.
    if (policy.delivery !== 'remote' && policy.limits === false && id === undefined && !isWanted(wish)) {
      const local = this.#needs.local(mailbox);
      if (local !== undefined && (policy.delivery === 'local' || local.hasRoom(policy.localMaxLoad)))
        return { mailbox, local };
      if (policy.delivery === 'local') throw new NoHealthyInstances(service, 'in this process');
    }
    return this.routeByMailbox(contract, policy, wish, key);
  }

  /** As `route`, for what must go by a mailbox. */
  routeByMailbox(contract: Contract, policy: RoutingPolicy, wish: Wish | undefined, key: string | undefined): Route {
    if (isWanted(wish)) return this.#targeted(contract, policy, wish, key);
    if (policy.canary !== false) return this.#withCanary(contract, policy.canary, policy, key);
    if (policy.balance !== PULL) return this.#targeted(contract, policy, undefined, key);
    if (policy.failFast) this.#needs.registry.require(contract.name, contract.mailbox);
    return { mailbox: contract.mailbox };
  }

  /** As `route`, for a stream: it goes by a mailbox, also to this process. @param self id of this node. */
  routeStream(
    contract: Contract,
    policy: RoutingPolicy,
    wish: Wish | undefined,
    key: string | undefined,
    self: string,
  ): Route {
    if (policy.delivery !== 'local') return this.routeByMailbox(contract, policy, wish, key);
    if (this.#needs.local(contract.mailbox) !== undefined) return { mailbox: contract.mailbox, target: self };
    throw new NoHealthyInstances(contract.name, 'in this process');
  }

  /** Of a keyed mailbox: the key has chosen the partition already. @throws ServiceNotFound, NoHealthyInstances */
  routeByKey({ name, mailbox }: Contract, policy: RoutingPolicy, partition: string): Route {
    if (policy.failFast) this.#needs.registry.require(name, mailbox);
    return { mailbox: partition };
  }

  /** A targeted call is under way: it counts for the strategies. Answers what ends it. */
  started(service: string, nodeId: string): () => void {
    const { balancer } = this.#needs;
    balancer.started(service, nodeId);
    return () => balancer.ended(service, nodeId);
  }

  #targeted(
    { name, version, mailbox }: Contract,
    policy: RoutingPolicy,
    wish: Wish | undefined,
    key: string | undefined,
  ): Route {
    // A node that is named gets it whatever its health: who names it knows why.
    if (wish?.node !== undefined) return { mailbox, target: wish.node };
    const filter: InstanceFilter = {
      version: majorOf(version),
      ...(wish?.tags === undefined ? undefined : { tags: wish.tags }),
    };
    const picked = this.#pick(name, policy, filter, key);
    if (picked !== null) return { mailbox, target: picked.nodeId };
    throw new NoHealthyInstances(name, wish?.tags === undefined ? '' : `with the tags ${wish.tags.join(', ')}`);
  }

  /**
   * While there is a canary every call is targeted: its share goes to instances of that version, the rest to the others.
   * Where one side is empty, the other takes all.
   */
  #withCanary(
    contract: Contract,
    { version, share }: CanaryPolicy,
    policy: RoutingPolicy,
    key: string | undefined,
  ): Route {
    const { name, mailbox } = contract;
    const { registry, balancer } = this.#needs;
    const chosen = registry.instances(name, { version });
    const others = registry.instances(name, { version: majorOf(contract.version), exceptVersion: version });
    const [first, second] = this.#isCanary(name, share) ? [chosen, others] : [others, chosen];
    const picked = balancer.choose(name, first.length > 0 ? first : second, strategyOf(policy), key);
    if (picked !== null) return { mailbox: picked.mailbox, target: picked.nodeId };
    if (policy.failFast) registry.require(name, mailbox);
    return { mailbox };
  }

  /** Every 1/share-th call, evenly spread. */
  #isCanary(service: string, share: number): boolean {
    const gathered = (this.#canary.get(service) ?? 0) + share;
    const due = gathered >= 1 - 1e-9;
    this.#canary.set(service, due ? gathered - 1 : gathered);
    return due;
  }

  #pick(service: string, policy: RoutingPolicy, filter: InstanceFilter, key: string | undefined): Instance | null {
    return this.#needs.registry.pick(service, {
      strategy: strategyOf(policy),
      filter,
      ...(key === undefined ? undefined : { key }),
    });
  }
}

function limited(service: string): ConfigError {
  return new ConfigError(`${service}: delivery 'local' and limits exclude each other: use 'auto' or 'remote'`);
}

/** It asks for certain instances. */
function isWanted(wish: Wish | undefined): boolean {
  return wish !== undefined && (wish.node !== undefined || wish.tags !== undefined);
}

function majorOf(version: string): string {
  return version.slice(0, version.indexOf('.'));
}

function strategyOf({ balance }: RoutingPolicy): string {
  return balance === PULL ? DEFAULT_STRATEGY : balance;
}
