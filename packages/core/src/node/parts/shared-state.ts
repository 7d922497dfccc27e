/** What all nodes share, as this node knows it: who is there, breakers, live settings, alerts. Kept up by news. */
import type { Alert, AlertLevel } from '../../alerts/alert.ts';
import { AlertChannel } from '../../alerts/channel.ts';
import { anyoneHears } from '../../alerts/delivery/hears.ts';
import type { Balancer } from '../../balance/balancer.ts';
import { rankOf } from '../../balance/rank.ts';
import type { Link } from '../../backend.ts';
import { Breaking } from '../../breaker/breaking.ts';
import type { Timers } from '../../ground/clock.ts';
import { LiveConfig } from '../../config/live.ts';
import type { Emitter } from '../events.ts';
import type { Log } from '../../ground/log.ts';
import type { NewsItem } from '../../ports/membership.ts';
import type { NodePolicy } from '../options.ts';
import type { Policies } from '../../policies/policies.ts';
import { Registry, type NewsReader } from '../../registry/registry.ts';
import { Schedules, type SchedulesNeeds } from '../../schedules/schedules.ts';

export interface SharedStateNeeds {
  readonly link: Link;
  readonly policy: NodePolicy;
  readonly policies: Policies;
  readonly balancer: Balancer;
  readonly timers: Timers;
  /** Those that keep the process alive. */
  readonly wakeful: Timers;
  readonly events: Emitter;
  readonly log: Log;
  memberId(): string;
  isMember(): boolean;
  readonly mailboxFull: SchedulesNeeds['full'];
  /** Tags of a service that is served here. */
  tagsOf(service: string): readonly string[];
  /** Who else lives by the news. */
  readonly alongside: NewsReader;
  /** What this node says of itself has changed. */
  changed(): void;
  /** A node is no member any more. Must not throw. */
  gone(nodeId: string): void;
}

export class SharedState {
  readonly balancer: Balancer;
  readonly registry: Registry;
  readonly breaking: Breaking;
  readonly config: LiveConfig;
  readonly alerts: AlertChannel;
  readonly schedules: Schedules;
  readonly #memberId: () => string;

  constructor(needs: SharedStateNeeds) {
    const { link, policy, policies, balancer, timers, events, log, memberId, tagsOf, changed } = needs;
    const { membership, records, breakers } = link;
    this.#memberId = memberId;
    this.balancer = balancer;
    this.breaking = new Breaking({ breakers, timers, log, events, nodeId: memberId, ping: () => link.ping() });
    this.config = new LiveConfig({ records, policies, events, log, nodeName: policy.name });
    this.alerts = new AlertChannel({
      ...{ records, timers, log, policy: policy.alerts.policy, events: policy.alerts },
      store: link.alerts,
      selfId: memberId,
      rank: (text) => this.rank(text),
      anybodyHears: (levels, alert) => this.#anybodyHears(levels, alert),
      gone: (nodeIds) => nodeIds.filter((id) => id !== memberId() && !this.registry.has(id)),
      tagsOf,
      hearsChanged: changed,
    });
    const { onPain } = policy.alerts;
    if (onPain !== undefined) this.alerts.unit(undefined, onPain);
    this.schedules = new Schedules({
      ...{ records, log, memberId, nodeName: policy.name, maxBodyBytes: policy.maxBodyBytes },
      broker: link.broker,
      timers: needs.wakeful,
      isMember: () => needs.isMember(),
      rank: (text) => this.rank(text),
      isServed: (mailbox) => this.registry.isServed(mailbox),
      full: (mailbox, level) => needs.mailboxFull(mailbox, level),
    });
    this.registry = new Registry({
      membership,
      records,
      clock: timers.clock,
      setTimer: timers.setTimer,
      log,
      events,
      balancer,
      alongside: [this.breaking, this.config, this.schedules.reader, needs.alongside, ...this.alerts.readers],
      gone: (nodeId) => {
        this.alerts.memberGone();
        needs.gone(nodeId);
      },
      selfId: memberId,
      beatMs: policy.beat.intervalMs,
      maxStaleMs: policy.maxStaleMs,
    });
  }

  /** The node has joined, perhaps again: everything is read. Rejects when the backend is away. */
  async joined(): Promise<void> {
    await this.registry.resync();
    await this.alerts.resync();
  }

  news(items: readonly NewsItem[]): void {
    this.registry.apply(items);
  }

  /** A beat was answered: the last news and the last item of the alert log that the backend knows of. */
  beaten(seq: number, alertSeq: number): void {
    this.registry.beaten(seq);
    this.alerts.beaten(alertSeq);
  }

  /** How many of the living nodes are before this one when it comes to `text`. */
  rank(text: string): number {
    return rankOf(text, this.#memberId(), this.registry.nodes());
  }

  async close(): Promise<void> {
    this.schedules.close();
    await this.alerts.close();
    this.registry.close();
    await this.breaking.close();
  }

  /** What is for the unit alone has its place whether or not it listens: others are told when its time is over. */
  #anybodyHears(levels: readonly AlertLevel[], _alert: Alert): boolean {
    const beyond = levels.filter((level) => level !== 's1');
    if (beyond.length === 0 || anyoneHears(this.alerts.hears(), beyond)) return true;
    for (const ears of this.registry.ears()) if (anyoneHears(ears, beyond)) return true;
    return false;
  }
}
