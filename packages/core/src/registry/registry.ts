/**
 * Who serves what, and how they fare: a view of this node's own, kept up by the news and bounded in age by the beats.
 * Lookups that must not wait are answered from it at once; `discover` goes to the backend where the view will not do.
 */
import type { Balancer } from '../balance/balancer.ts';
import { systemTimers, type Clock, type Timers } from '../ground/clock.ts';
import { NodeClosed, NoHealthyInstances, ServiceNotFound, type HomeostatError } from '../ground/errors.ts';
import type { Emitter } from '../node/events.ts';
import type { Log } from '../ground/log.ts';
import type { Membership, NewsItem } from '../ports/membership.ts';
import { milliseconds, parseOptions } from '../ground/parse-options.ts';
import type { Records } from '../ports/records.ts';
import { Discovery } from './discovery.ts';
import { describeFilter, type InstanceFilter } from './filter.ts';
import { Follow } from './follow.ts';
import { serviceOf, type Instance } from './instance.ts';
import { DEFAULT_LEASE_MS, Leases, type Lease } from './lease.ts';
import type { LookupStats } from './lookups.ts';
import { MarkKeeper } from './mark-keeper.ts';
import { MARK, type Mark, type MarkOptions, type MarkStatus } from './marks.ts';
import { readReport } from './read-report.ts';
import type { ServiceView } from './service-view.ts';
import { Teller } from './tell.ts';
import { Views, type ServiceSummary } from './views.ts';
import { VitalsWatch } from './vitals-watch.ts';
import { Waits, type WaitOptions } from './waits.ts';

/** A view that was not confirmed for this long is not trusted, ms. */
const DEFAULT_MAX_STALE_MS = 10_000;
/** Services of which everything is kept in memory. */
const DEFAULT_MAX_SERVICES = 1_000;

export interface RegistryNeeds {
  readonly membership: Membership;
  readonly records: Records;
  /** `now()` is backend time. */
  readonly clock: Clock;
  /** Default: timers of this process that do not keep it alive. */
  readonly setTimer?: Timers['setTimer'] | undefined;
  readonly log: Log;
  readonly events: Emitter;
  readonly balancer: Balancer;
  /** The member this node is now. */
  selfId(): string;
  /** Between two beats, ms. */
  readonly beatMs: number;
  /** Who else lives by the news: is told them after the registry, and reads everything anew when it does. */
  readonly alongside?: readonly NewsReader[] | undefined;
  /** A node is no member any more, whether or not it served anything. Must not throw. */
  readonly gone?: ((nodeId: string) => void) | undefined;
  /** Default 10 s. */
  readonly maxStaleMs?: number | undefined;
  /** Default 1,000. */
  readonly maxServices?: number | undefined;
}

/** Somebody who keeps a picture of what all nodes share. What is told twice, or late, must do no harm. */
export interface NewsReader {
  /** Takes one item; what it does not know it leaves alone. Must not throw. */
  apply(item: NewsItem): void;
  /** Reads everything anew from the backend. */
  resync(): Promise<void>;
}

export interface PickOptions {
  /** Default `round_robin`. */
  readonly strategy?: string | undefined;
  readonly filter?: InstanceFilter | undefined;
  /** What the request is about, for strategies that keep equal keys together. */
  readonly key?: string | undefined;
  /** Whatever their status. Default false. */
  readonly allowUnhealthy?: boolean | undefined;
}

export interface AcquireOptions extends Omit<PickOptions, 'allowUnhealthy'> {
  /** The lease ends by itself after this long, ms. Default 30 s. */
  readonly ttlMs?: number | undefined;
}

const NONE: readonly Instance[] = Object.freeze([]);

export class Registry implements Disposable {
  readonly #needs: RegistryNeeds;
  readonly #views: Views;
  readonly #follow: Follow;
  readonly #marks: MarkKeeper;
  readonly #discovery: Discovery;
  readonly #vitals: VitalsWatch;
  readonly #leases: Leases;
  readonly #waits: Waits;

  constructor(needs: RegistryNeeds) {
    const { membership, balancer, clock, log, beatMs } = needs;
    const { setTimer = systemTimers.setTimer, maxServices = DEFAULT_MAX_SERVICES, maxStaleMs } = needs;
    this.#needs = needs;
    const markOf = (service: string, nodeId: string): Mark | undefined => this.#marks.of(service, nodeId);
    this.#marks = new MarkKeeper({
      records: needs.records,
      clock,
      setTimer,
      log,
      selfId: () => needs.selfId(),
      changed: (service, nodeId) => this.#views.restate(service, nodeId),
    });
    this.#views = new Views({
      maxServices,
      teller: new Teller(needs.events, log),
      markOf,
      touched: (service) => {
        this.#discovery.touched(service);
        this.#waits.look();
      },
      gone: (nodeId) => needs.gone?.(nodeId),
    });
    this.#follow = new Follow({ clock, log, take: (item) => this.#take(item), readAll: () => this.#readAll() });
    this.#discovery = new Discovery({
      membership,
      views: this.#views,
      clock,
      log,
      maxServices,
      maxStaleMs: maxStaleMs ?? DEFAULT_MAX_STALE_MS,
      age: () => this.#follow.age(),
      markOf,
      changed: () => this.#waits.look(),
    });
    this.#vitals = new VitalsWatch({ membership, balancer, setTimer, log, beatMs, views: () => this.#views.all() });
    this.#leases = new Leases({
      clock,
      setTimer,
      started: (service, nodeId) => balancer.started(service, nodeId),
      ended: (service, nodeId) => balancer.ended(service, nodeId),
    });
    this.#waits = new Waits({ setTimer, lacking: (names) => this.#lacking(names) });
  }

  /** News, in order; what came before may come again. */
  apply(items: readonly NewsItem[]): void {
    this.#follow.apply(items);
  }

  /** A beat was answered, and `seq` is the last news there is. */
  beaten(seq: number): void {
    this.#follow.beaten(seq);
  }

  /** Reads everything from the backend; every difference is told as an event. Call it after each time the node joins. */
  resync(): Promise<void> {
    return this.#follow.resync();
  }

  /** How long ago this view was surely current, ms. */
  age(): number {
    return this.#follow.age();
  }

  /**
   * The instances that are known here now, at once; by default those that work may be sent to. The list is frozen and stays
   * the same object until something changes. A service that gave way to 1,000 others used later is read in the background:
   * none until that has come.
   */
  instances(service: string, filter?: InstanceFilter): readonly Instance[] {
    const view = this.#view(service);
    if (view === undefined) return NONE;
    this.#vitals.want(view);
    return view.list(filter);
  }

  /** The same for those who do not look at load, score and times: they are not read for this. */
  peek(service: string, filter?: InstanceFilter): readonly Instance[] {
    return this.#view(service)?.list(filter) ?? NONE;
  }

  /**
   * The instances of a service; by default those that work may be sent to. None means that there surely are none.
   * @throws ServiceNotFound when nobody ever served it; TransportError when the backend is needed and away.
   */
  async discover(service: string, filter?: InstanceFilter): Promise<readonly Instance[]> {
    const view = await this.#discovery.view(service);
    this.#vitals.want(view);
    return view.list(filter);
  }

  /**
   * One of the instances, by a strategy; null when there is none.
   * @throws ConfigError when there is no such strategy.
   */
  pick(service: string, options: PickOptions = {}): Instance | null {
    const { strategy, filter, key, allowUnhealthy = false } = options;
    const wanted = allowUnhealthy ? { ...filter, status: filter?.status ?? ('any' as const) } : filter;
    return this.#needs.balancer.choose(service, this.instances(service, wanted), strategy, key, allowUnhealthy);
  }

  /**
   * Picks an instance and counts it as having one more in flight, until the lease is closed or its time is up.
   * @throws ServiceNotFound, NoHealthyInstances when there is none; ConfigError when there is no such strategy.
   */
  acquire(service: string, options: AcquireOptions = {}): Lease {
    const ttlMs = parseOptions(milliseconds.min(1).default(DEFAULT_LEASE_MS), options.ttlMs, 'acquire.ttlMs');
    const instance = this.pick(service, options);
    if (instance !== null) return this.#leases.grant(instance, ttlMs);
    if (!this.seen(service)) throw new ServiceNotFound(service);
    throw new NoHealthyInstances(service, describeFilter(options.filter));
  }

  /**
   * Resolves when each of the services has an instance that work may be sent to.
   * @throws ServiceNotFound, NoHealthyInstances of the first that is lacking when the time is up; Aborted; NodeClosed.
   */
  waitFor(services: readonly string[], options: WaitOptions = {}): Promise<void> {
    return this.#waits.wait([...services], options);
  }

  /**
   * @param mailbox one version line of it alone. Default: any.
   * @throws ServiceNotFound when nobody ever served it; NoHealthyInstances when nobody does that work may be sent to.
   */
  require(service: string, mailbox?: string): void {
    if (this.#views.hasRoutable(service, mailbox)) return;
    throw this.seen(service) ? new NoHealthyInstances(service) : new ServiceNotFound(service);
  }

  /**
   * Marks an instance by hand, for all nodes to see, whatever its checks say; without a status, takes the mark away.
   * Resolves when it is written.
   * @throws ConfigError when something about it is wrong; nothing is written then.
   */
  setStatus(service: string, nodeId: string, status: MarkStatus | undefined, options: MarkOptions = {}): Promise<void> {
    return this.#marks.set(service, nodeId, status, options);
  }

  markOf(service: string, nodeId: string): Mark | undefined {
    return this.#marks.of(service, nodeId);
  }

  services(): readonly ServiceSummary[] {
    return this.#views.summaries();
  }

  /** Ids of all nodes that are there, this one and those that serve nothing included. */
  nodes(): readonly string[] {
    return this.#views.nodeIds();
  }

  has(nodeId: string): boolean {
    return this.#views.has(nodeId);
  }

  /** What each node, this one included, hears of alerts, where it hears any. */
  ears(): Iterable<readonly string[]> {
    return this.#views.ears();
  }

  /**
   * Reads now how the services fare that were asked for lately, instead of with the next beat: resolves when load, score
   * and times are in. Where the backend is away, what was known stays.
   */
  refresh(): Promise<void> {
    return this.#vitals.refresh();
  }

  /** Services of which everything is in memory; never more than `maxServices`. */
  get size(): number {
    return this.#views.size;
  }

  /** Whether a node other than `exceptNode` announces the method. Where that is not known at once: yes. */
  knows(mailbox: string, method: string, exceptNode: string): boolean {
    const view = this.#view(serviceOf(mailbox));
    return view === undefined
      ? this.#views.isServedElsewhere(mailbox, exceptNode)
      : view.has(mailbox, method, exceptNode);
  }

  /** Somebody serves this mailbox, in whatever health. */
  isServed(mailbox: string): boolean {
    return this.#views.isServedElsewhere(mailbox, '');
  }

  /** Somebody serves it or once did, as far as this node knows. */
  seen(service: string): boolean {
    return this.#views.wasSeen(service);
  }

  /** What `discover` has done. */
  lookups(): LookupStats {
    return this.#discovery.stats();
  }

  close(): void {
    this.#follow.close();
    this.#marks.close();
    this.#vitals.close();
    this.#leases.close();
    this.#waits.close(new NodeClosed('waiting for services'));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #view(service: string): ServiceView | undefined {
    const view = this.#views.use(service);
    if (view === undefined && this.#views.isServed(service)) this.#discovery.fetch(service);
    return view;
  }

  #take(item: NewsItem): void {
    this.#read(item);
    for (const reader of this.#needs.alongside ?? []) reader.apply(item);
  }

  #read({ kind, id, body }: NewsItem): void {
    if ((kind === 'joined' || kind === 'changed') && body === undefined) {
      this.#follow.resyncSoon();
    } else if (kind === 'joined' || kind === 'changed') {
      const report = readReport(id, body, this.#needs.log);
      if (report !== undefined) this.#views.put(id, report);
    } else if (kind === 'left' || kind === 'expired') {
      this.#views.drop(id, kind === 'left' ? 'deregistered' : 'expired');
      this.#marks.clearUp(this.#views.nodeIds());
    } else if (kind === MARK) this.#marks.take(id, body);
  }

  async #readAll(): Promise<() => number> {
    const { members, seq } = await this.#needs.membership.members();
    // Read after them: so they are at least as new as the news that `seq` stands for.
    const alongside = (this.#needs.alongside ?? []).map((reader) => reader.resync());
    const [marks] = await Promise.all([this.#needs.records.all(MARK), ...alongside]);
    return () => {
      this.#views.retain(new Set(members.map(({ id }) => id)));
      this.#marks.replace(marks);
      for (const { id, report: given } of members) {
        const report = given === undefined ? undefined : readReport(id, given, this.#needs.log);
        if (report !== undefined) this.#views.put(id, report);
      }
      this.#marks.clearUp(members.map(({ id }) => id));
      return seq;
    };
  }

  #lacking(services: readonly string[]): HomeostatError | undefined {
    const lacking = services.find((service) => !this.#views.hasRoutable(service));
    if (lacking === undefined) return undefined;
    return this.#views.isServed(lacking) ? new NoHealthyInstances(lacking) : new ServiceNotFound(lacking);
  }
}
