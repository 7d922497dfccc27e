/**
 * The alerts of a node: what hurts here, what everybody knows of, who is told, and what people do about it. Raising never
 * rejects because the backend is away; whatever else is awaited rejects with `TransportError` then.
 */
import { count, parseOptions } from '../ground/parse-options.ts';
import type { Alert, AlertType, AttenuatedBy, RaiseOptions } from './alert.ts';
import type { Condition, ConditionOptions } from './condition.ts';
import type { Counting } from './counting.ts';
import type { DeliveryCounters } from './delivery/counters.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { AckOptions, AckWord, ByOptions, Handling, ResolveOptions } from './handling.ts';
import type { ConfigureOptions, LivePolicy } from './live-policy.ts';
import type { AlertPolicyOverrides } from './policy-schema.ts';
import type { AlertPolicy } from './policy.ts';
import type { ConditionFacts, RaiseCounts } from './raising.ts';
import type { AlertQuery, Reading } from './reading.ts';
import type { Silence, SilenceMatcher } from './silence.ts';
import { newCondition, type SignalNeeds } from './signal.ts';
import type { SilenceChange, SilenceOptions, Silences } from './silences.ts';
import type { AlertStats } from './statistics.ts';
import type { AlertFilter, AlertHandler, AlertSink, AlertSubscription, SubscribeOptions } from './subscriber.ts';

/** What `stats` looks back over by default: 24 h, ms. */
const DEFAULT_WINDOW_MS = 24 * 3_600_000;
/** Figures of all nodes; and, in `here`, of this one since it began. */
export interface AlertsStats extends AlertStats {
  readonly here: RaiseCounts & {
    /** Notices held back by what this node carried out, and by what. */
    readonly attenuated: Readonly<Partial<Record<AttenuatedBy, number>>>;
    readonly delivery: Readonly<DeliveryCounters>;
  };
}

/** What carries out what is asked for here. */
export interface AlertParts extends SignalNeeds {
  readonly handling: Handling;
  readonly reading: Reading;
  readonly silences: Silences;
  readonly live: LivePolicy;
  readonly delivery: Delivery;
  readonly counting: Counting;
  selfId(): string;
}

export class Alerts {
  readonly #parts: AlertParts;

  constructor(parts: AlertParts) {
    this.#parts = parts;
  }

  /**
   * Says that something hurts or goes well. Resolves with the alert once it is written: repeats of an open condition within
   * 200 ms are written as one. When the backend does not take it within 1 s it is kept, told to `onLocalAlert` and the
   * log, and told to everybody when the backend is back, with the time at which it hurt; it resolves at once then, with the
   * alert as this node judges it. What needs no permit (critical, `emergency`) is sent before this returns.
   * @throws ValidationError when something about it is wrong: nothing is written then.
   */
  async raise(type: AlertType, options: RaiseOptions): Promise<Alert> {
    return await this.#parts.raising.raise(type, options);
  }

  /** Something hurts. See `raise`. */
  pain(options: RaiseOptions): Promise<Alert> {
    return this.raise('pain', options);
  }

  /** Something goes better than it should. Needs no ack, never escalates, resolves no pain. See `raise`. */
  pleasure(options: RaiseOptions): Promise<Alert> {
    return this.raise('pleasure', options);
  }

  /**
   * This node feels it no more; give what told it apart when it was raised. It is over when no living node feels it.
   * Where nobody does, nothing happens and nothing is asked. Kept and told later when the backend is away.
   */
  async clear(condition: ConditionFacts): Promise<void> {
    await this.#parts.raising.clear(condition);
  }

  /**
   * Somebody has seen it, by id or fingerprint; default `received`. It then has until `eta`, or as long as the policy
   * gives, to be over. `resolved`, `false_alarm` and `escalated` do what they say. What is over stays so.
   * @throws AlertNotFound when no such alert lives; ConfigError; TransportError.
   */
  ack(id: string, type: AckWord = 'received', options: AckOptions = {}): Promise<Alert> {
    return this.#parts.handling.ack(id, type, options);
  }

  /** It is over, or was nothing. @throws AlertNotFound when no such alert lives; ConfigError; TransportError. */
  resolve(id: string, options: ResolveOptions = {}): Promise<Alert> {
    return this.#parts.handling.resolve(id, options);
  }

  /** It is for the next level, now. @throws AlertNotFound when no such alert lives; ConfigError; TransportError. */
  escalate(id: string, reason: string, options: ByOptions = {}): Promise<Alert> {
    return this.#parts.handling.escalate(id, reason, options);
  }

  /**
   * Nothing need be told of these for a while; what is still open at the end is told then.
   * @throws ConfigError where it has no end, names no alerts, or names critical ones without `force`; TransportError.
   */
  silence(matcher: SilenceMatcher, options: SilenceOptions): Promise<Silence> {
    return this.#parts.silences.add(matcher, options);
  }

  /** Ends a silence before its time. Answers whether there was one. @throws TransportError */
  unsilence(id: string, { by = this.#parts.selfId() }: ByOptions = {}): Promise<boolean> {
    return this.#parts.silences.remove(id, by);
  }

  /** Those that hold now, as this node knows them; the one that ends first comes first. */
  silences(): readonly Silence[] {
    return this.#parts.silences.list();
  }

  /** Who began and ended which, oldest first. `limit`: default 100, at most 1,000. @throws ConfigError, TransportError */
  silenceHistory(limit?: number): Promise<readonly SilenceChange[]> {
    return this.#parts.silences.history(limit);
  }

  /** What lives and what is archived, the one raised last comes first; by default 100 of all. @throws ConfigError, TransportError */
  list(query: AlertQuery = {}): Promise<readonly Alert[]> {
    return this.#parts.reading.list(query);
  }

  /** By id, or the latest of a fingerprint; archived ones too. @throws TransportError */
  get(id: string): Promise<Alert | undefined> {
    return this.#parts.reading.get(id);
  }

  /** Figures of the alerts that were raised in the last `windowMs`, by default 24 h. @throws ConfigError, TransportError */
  async stats(windowMs: number = DEFAULT_WINDOW_MS): Promise<AlertsStats> {
    const { reading, raising, counting, delivery } = this.#parts;
    const stats = await reading.stats(parseOptions(count, windowMs, 'alerts.stats: windowMs'));
    const here = { ...raising.counts, attenuated: counting.attenuated, delivery: { ...delivery.counters } };
    return { ...stats, here };
  }

  /** What holds on this node now: defaults < options of this node < what is set live. */
  get policy(): AlertPolicy {
    return this.#parts.live.current;
  }

  /**
   * Changes the policy of all nodes, live; answers what holds here then.
   * @throws ConfigError naming what is wrong, RevisionConflict: nothing is written then; TransportError.
   */
  configure(partial: AlertPolicyOverrides, options: ConfigureOptions = {}): Promise<AlertPolicy> {
    return this.#parts.live.configure(partial, options);
  }

  /** Notices go to the target, beginning with those of what is open now. @throws ConfigError, NodeClosed */
  subscribe(filter: AlertFilter, target: AlertHandler | AlertSink, options?: SubscribeOptions): AlertSubscription {
    return this.#parts.delivery.subscribe(filter, target, options);
  }

  /**
   * A condition that is judged by samples. It is told when it has hurt for `onDelayMs`, in `need` of the last `of` samples;
   * again each minute while it hurts, so that how long it lasts is known; and cleared when it has not hurt for `offDelayMs`.
   * @throws ConfigError, ValidationError
   */
  condition(options: ConditionOptions): Condition {
    return newCondition(this.#parts, options);
  }
}
