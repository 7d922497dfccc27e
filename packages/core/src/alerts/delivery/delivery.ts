/**
 * Tells whoever subscribed on this node. It pulls: the view shows which alerts have notices, and each is claimed from
 * the store before it is handed over, so that a group is told once and a member that dies leaves nothing untold.
 */
import type { Timers } from '../../ground/clock.ts';
import { ConfigError, NodeClosed } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { AlertStore } from '../../ports/alerts.ts';
import type { AlertRecord } from '../alert.ts';
import type { AlertPolicy } from '../policy.ts';
import type { AlertFilter, AlertHandler, AlertSink, AlertSubscription, SubscribeOptions } from '../subscriber.ts';
import { Attempts } from './attempts.ts';
import { Claims, type Claiming } from './claims.ts';
import { newCounters, type DeliveryCounters } from './counters.ts';
import { isAbout, SinkFailures, UnitFailures, type Failures } from './failures.ts';
import { FloodLimit } from './flood-limit.ts';
import { Group } from './group.ts';
import { handOver, type DeliveryActions } from './hand-over.ts';
import { hearsOf } from './hears.ts';
import { concerns } from './match.ts';
import { DEFAULT_HANDLER_TIMEOUT_MS, planOf, type Plan } from './plan.ts';
import { Subscription } from './subscription.ts';

/** The alerts that live, as this node knows them. */
export interface DeliveryView {
  all(): Iterable<AlertRecord>;
  onChange(
    listener: (change: { readonly before?: AlertRecord | undefined; readonly after?: AlertRecord | undefined }) => void,
  ): () => void;
}

export interface DeliveryNeeds {
  readonly view: DeliveryView;
  readonly store: AlertStore;
  readonly actions: DeliveryActions;
  /** `clock.now()` is backend time. */
  readonly timers: Timers;
  readonly log: Log;
  policy(): AlertPolicy;
  /** Id under which this node claims. */
  selfId(): string;
  /** What `hears()` answers may have changed. */
  changed?(): void;
}

/** What is not delivered in a group is tried so often. */
const MAX_ATTEMPTS = 3;
/** Notices that `onPain` of one unit is handed at once. */
const UNIT_CONCURRENCY = 16;

export class Delivery implements AsyncDisposable {
  readonly counters: DeliveryCounters = newCounters();
  readonly #needs: DeliveryNeeds;
  readonly #claims: Claims;
  /** By name; of mode `group` only. */
  readonly #groups = new Map<string, Group>();
  readonly #subscriptions = new Map<Subscription, Plan>();
  /** `onPain` → the service it speaks for; undefined: the node. */
  readonly #units = new Map<Subscription, string | undefined>();
  readonly #stopWatching: () => void;
  #closed = false;

  constructor(needs: DeliveryNeeds) {
    this.#needs = needs;
    this.#claims = new Claims(needs);
    this.#stopWatching = needs.view.onChange(({ before, after }) => this.#changed(before, after));
  }

  /**
   * Notices that fit the filter go to the target, beginning with those of the alerts that are open now.
   * @throws ConfigError naming a wrong option; NodeClosed.
   */
  subscribe(filter: AlertFilter, target: AlertHandler | AlertSink, options: SubscribeOptions = {}): AlertSubscription {
    const plan = planOf(filter, target, options);
    if (this.#closed) throw new NodeClosed('alerts.subscribe');
    const { wanted, name, mode, concurrency } = plan;
    const { timers, log, changed } = this.#needs;
    const group = mode === 'group' ? this.#groupOf(name) : this.#ownGroup(name);
    const subscription: Subscription = new Subscription({
      group,
      timers,
      log,
      concurrency,
      level: wanted.level,
      floodLimit: plan.human ? this.#floodLimitOf(plan, this.#claimingOf(mode)) : undefined,
      attempts: this.#attemptsOf(plan, () => name, new SinkFailures(name, this.#needs.actions, log)),
      concerns: (record) => concerns(wanted, record) && !isAbout(record, name),
      closing: () => changed?.(),
      closed: () => {
        this.#subscriptions.delete(subscription);
        if (group.empty && this.#groups.get(name) === group) this.#groups.delete(name);
      },
    });
    this.#subscriptions.set(subscription, plan);
    this.#replay(subscription);
    changed?.();
    return subscription;
  }

  /**
   * `onPain`: handed each notice for s1 of the pain that this node has raised about this service; without a service, about
   * the node itself and about services that have no `onPain` here. Answers the function that takes it off again.
   */
  unit(service: string | undefined, handle: AlertHandler): () => void {
    if (typeof handle !== 'function') throw new ConfigError('onPain: must be a function (alert, ctx)');
    if (this.#closed) throw new NodeClosed('onPain');
    const { timers, log, selfId } = this.#needs;
    const name = service === undefined ? 'unit' : `unit ${service}`;
    const plan = { handle, mode: 'broadcast', timeoutMs: DEFAULT_HANDLER_TIMEOUT_MS } as const;
    const unit: Subscription = new Subscription({
      group: this.#ownGroup(name),
      timers,
      log,
      level: 's1',
      concurrency: UNIT_CONCURRENCY,
      floodLimit: undefined,
      attempts: this.#attemptsOf(plan, () => service ?? selfId(), new UnitFailures(name, log)),
      concerns: (record) => this.#isOwnPain(record) && this.#isOf(service, record),
      closing: () => {},
      closed: () => this.#units.delete(unit),
    });
    this.#units.set(unit, service);
    this.#replay(unit);
    return () => void unit.close();
  }

  /** Somebody has left or died: what was not done is to be had. */
  memberGone(): void {
    for (const subscription of this.#subscriptions.keys()) subscription.recheck();
  }

  /** Levels that this node's subscriptions listen for; `any`: all of them. For its report. */
  hears(): readonly string[] {
    const open = [...this.#subscriptions].filter(([subscription, { onlooker }]) => !subscription.ended && !onlooker);
    return hearsOf(open.map(([, { wanted }]) => wanted));
  }

  /** Resolves when no handler runs any more: each has the time it has. What was not delivered is given back. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWatching();
    await Promise.all([...this.#subscriptions.keys(), ...this.#units.keys()].map((one) => one.close()));
    await this.#claims.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #changed(before: AlertRecord | undefined, after: AlertRecord | undefined): void {
    const all = [...this.#subscriptions.keys(), ...this.#units.keys()];
    if (before !== undefined && before.id !== after?.id) for (const one of all) one.forget(before.id);
    if (after !== undefined) for (const one of all) one.offer(after);
  }

  #replay(subscription: Subscription): void {
    for (const record of this.#needs.view.all()) subscription.offer(record);
  }

  #isOwnPain({ type, reporters, active }: AlertRecord): boolean {
    const self = this.#needs.selfId();
    return type === 'pain' && (reporters.includes(self) || active.includes(self));
  }

  #isOf(service: string | undefined, { source }: AlertRecord): boolean {
    if (source.service === service) return true;
    return service === undefined && ![...this.#units.values()].includes(source.service);
  }

  #groupOf(name: string): Group {
    const group = this.#groups.get(name) ?? new Group({ name, claiming: this.#claims, selfId: this.#needs.selfId });
    this.#groups.set(name, group);
    return group;
  }

  /** Of one subscription: nobody else claims what it is told. */
  #ownGroup(name: string): Group {
    return new Group({ name, claiming: UNCONTESTED, selfId: this.#needs.selfId });
  }

  #claimingOf(mode: Plan['mode']): Claiming {
    return mode === 'group' ? this.#claims : UNCONTESTED;
  }

  #floodLimitOf({ name, mode }: Plan, claiming: Claiming): FloodLimit {
    const { store, timers, policy, selfId, actions } = this.#needs;
    return new FloodLimit({
      name: () => (mode === 'group' ? name : `${name} ${selfId()}`),
      store,
      claiming,
      timers,
      policy,
      flooded: (alertId) => {
        this.counters.flooded += 1;
        actions.flooded?.(alertId);
      },
    });
  }

  #attemptsOf(plan: Pick<Plan, 'handle' | 'mode' | 'timeoutMs'>, by: () => string, failures: Failures): Attempts {
    const { actions, timers, log } = this.#needs;
    const { handle, mode, timeoutMs } = plan;
    return new Attempts({
      maxAttempts: mode === 'group' ? undefined : MAX_ATTEMPTS,
      failures,
      counters: this.counters,
      log,
      handOver: (told) => handOver({ handle, by: by(), timeoutMs, actions, timers, log }, told),
    });
  }
}

const UNCONTESTED: Claiming = {
  claim: () => Promise.resolve('granted'),
  finish: () => {},
};
