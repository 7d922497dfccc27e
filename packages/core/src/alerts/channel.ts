/** The alert channel of a node: its parts, put together, and what it and the rest of the node tell each other. */
import type { Timers } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { AlertStore } from '../ports/alerts.ts';
import type { NewsItem } from '../ports/membership.ts';
import type { Records } from '../ports/records.ts';
import type { NewsReader } from '../registry/registry.ts';
import type { Alert, AlertLevel, AlertRecord } from './alert.ts';
import { Alerts } from './alerts.ts';
import { Counting } from './counting.ts';
import { Delivery } from './delivery/delivery.ts';
import { Desk } from './desk.ts';
import { Escalator } from './escalator.ts';
import { Flooding } from './flooding.ts';
import { Handling } from './handling.ts';
import { LivePolicy } from './live-policy.ts';
import type { AlertPolicyOverrides } from './policy-schema.ts';
import type { AlertPolicy } from './policy.ts';
import { Raising } from './raising.ts';
import { Reading } from './reading.ts';
import { Releases } from './releases.ts';
import { Routing } from './routing.ts';
import { newSignal } from './signal.ts';
import { Silences } from './silences.ts';
import type { Signal } from './sources/needs.ts';
import type { AlertHandler } from './subscriber.ts';
import { AlertView } from './view.ts';

export interface AlertHooks {
  /** Told at once of what hurts while the backend is away: only this process knows of it then. What it throws is logged. */
  readonly onLocalAlert?: ((alert: Alert) => unknown) | undefined;
  /** Told of an alert for which nobody anywhere has subscribed. What it throws is logged. */
  readonly fallback?: ((alert: Alert) => unknown) | undefined;
}

export interface AlertsNeeds {
  readonly store: AlertStore;
  readonly records: Records;
  /** `clock.now()` is backend time. */
  readonly timers: Timers;
  readonly log: Log;
  /** Of this node, checked: above the defaults and below what is set live. */
  readonly policy?: AlertPolicyOverrides | undefined;
  readonly events?: AlertHooks | undefined;
  /** The member this node is now. */
  selfId(): string;
  /** The place of this node in an order of all living nodes that the text decides; 0 is the first. */
  rank(text: string): number;
  /** Somebody on any node has subscribed to one of these levels, or the unit of this alert listens, for s1. */
  anybodyHears(levels: readonly AlertLevel[], alert: Alert): boolean;
  /** Those of these nodes (ids) that are no members. */
  gone(nodeIds: readonly string[]): readonly string[];
  /** Tags of a service that is served here: its alerts have them, too. */
  tagsOf?(service: string): readonly string[];
  /** What `hears()` answers may have changed. */
  hearsChanged?(): void;
}

export class AlertChannel implements AsyncDisposable {
  /** What users see of it. */
  readonly alerts: Alerts;
  /** What sources of alerts are given. */
  readonly signal: Signal;
  /** Who lives by the news of shared records here: for the registry. */
  readonly readers: readonly NewsReader[];
  /** Every alert that lives, as this node knows it. */
  readonly view: AlertView;
  readonly #raising: Raising;
  readonly #delivery: Delivery;
  readonly #escalator: Escalator;
  readonly #releases: Releases;
  readonly #flooding: Flooding;

  constructor(needs: AlertsNeeds) {
    const { store, records, timers, log, events } = needs;
    const { clock } = timers;
    const selfId = (): string => needs.selfId();
    const rank = (fingerprint: string): number => needs.rank(fingerprint);
    const live = new LivePolicy({ records, log, selfId, overrides: needs.policy });
    const policy = (): AlertPolicy => live.current;
    const silences = new Silences({ records, clock, log, ended: () => this.#releases.unsilenced() });
    const view = new AlertView({ store, clock, log, lost: (records) => restore(records) });
    const routing = new Routing({
      log,
      fallback: events?.fallback,
      anybodyHears: (levels, alert) => needs.anybodyHears(levels, alert),
    });
    const counting = new Counting();
    const desk = new Desk({
      ...{ store, view, timers, policy, selfId },
      silences: () => silences.current(),
      gone: (nodeIds) => needs.gone(nodeIds),
      finish: (change, before) => routing.finish(change, before),
      committed: (change, before) => {
        routing.committed(change, before);
        counting.committed(change, before);
      },
    });
    const restore = (records: readonly AlertRecord[]): void => {
      log.warn({ evt: 'alerts_restored', count: records.length }, 'the backend has lost alerts: they are put back');
      // What fails now, another node puts back.
      for (const record of records) desk.restore(record).catch(() => undefined);
    };
    const raising = new Raising({
      ...{ timers, view, desk, policy, selfId, log, onLocalAlert: events?.onLocalAlert },
      tagsOf: (service) => needs.tagsOf?.(service) ?? [],
    });
    const handling = new Handling({ store, view, desk, selfId, flush: (fingerprint) => raising.flush(fingerprint) });
    const signal = newSignal({ raising, timers, log });
    const delivery = new Delivery({
      ...{ view, store, timers, log, policy, selfId },
      changed: () => needs.hearsChanged?.(),
      actions: {
        ack: (id, type, options) => handling.ack(id, type, options),
        resolve: (id, options) => handling.resolve(id, options),
        escalate: (id, reason, options) => handling.escalate(id, reason, options),
        raise: (options) => signal.raise(options),
        clear: (facts) => signal.clear(facts),
        flooded: (alertId) => this.#flooding.count(alertId),
      },
    });
    this.view = view;
    this.signal = signal;
    this.readers = [silences, live];
    this.#raising = raising;
    this.#delivery = delivery;
    this.#flooding = new Flooding({ desk, view, timers, selfId });
    this.#escalator = new Escalator({ store, view, timers, log, rank, fire: (fingerprint) => desk.fire(fingerprint) });
    this.#releases = new Releases({ view, log, rank, release: (fingerprint) => desk.release(fingerprint) });
    const reading = new Reading({ store, view, clock, policy });
    this.alerts = new Alerts({ raising, handling, reading, silences, live, delivery, counting, timers, log, selfId });
  }

  /** Items of the alert log, in order; what came before may come again. */
  apply(items: readonly NewsItem[]): void {
    this.view.apply(items);
  }

  /** A beat was answered, and `seq` is the last item of the alert log. What could not be told is told now. */
  beaten(seq: number): void {
    this.view.beaten(seq);
    this.#retry();
  }

  /** Reads every alert from the store: after each time the node joins. Rejects as it does. */
  async resync(): Promise<void> {
    await this.view.resync();
    this.#retry();
  }

  /** Levels that this node's subscriptions listen for; `any`: all of them. For its report. */
  hears(): readonly string[] {
    return this.#delivery.hears();
  }

  /** `onPain` of a service that is served here; undefined: of the node. Answers the function that takes it off again. */
  unit(service: string | undefined, handle: AlertHandler): () => void {
    return this.#delivery.unit(service, handle);
  }

  /** Somebody has left or died: what it had in hand is to be had. */
  memberGone(): void {
    this.#delivery.memberGone();
  }

  /**
   * Resolves when no handler runs any more and everything is told that can be; what was never told is in the log. Alerts
   * that are open stay so.
   */
  async close(): Promise<void> {
    this.#escalator.close();
    this.#releases.close();
    await this.#delivery.close();
    this.#flooding.close();
    await this.#raising.close();
    this.view.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #retry(): void {
    this.#raising.beaten();
    this.#escalator.beaten();
  }
}
