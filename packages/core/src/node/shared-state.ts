/** What all nodes share, as this node knows it: who is there, breakers, live settings. Kept up by news. */
import type { Balancer } from '../balance/balancer.ts';
import type { Link } from '../backend.ts';
import { Breaking } from '../breaker/breaking.ts';
import type { Timers } from '../ground/clock.ts';
import { LiveConfig } from '../config/live.ts';
import type { Emitter } from './events.ts';
import type { Log } from '../ground/log.ts';
import type { NewsItem } from '../ports/membership.ts';
import type { NodePolicy } from './options.ts';
import type { Policies } from '../policies/policies.ts';
import { Registry } from '../registry/registry.ts';

export interface SharedStateNeeds {
  readonly link: Link;
  readonly policy: NodePolicy;
  readonly policies: Policies;
  readonly balancer: Balancer;
  readonly timers: Timers;
  readonly events: Emitter;
  readonly log: Log;
  memberId(): string;
}

export class SharedState {
  readonly balancer: Balancer;
  readonly registry: Registry;
  readonly breaking: Breaking;
  readonly config: LiveConfig;

  constructor({ link, policy, policies, balancer, timers, events, log, memberId }: SharedStateNeeds) {
    const { membership, records, breakers } = link;
    this.balancer = balancer;
    this.breaking = new Breaking({ breakers, timers, log, events, nodeId: memberId, ping: () => link.ping() });
    this.config = new LiveConfig({ records, policies, events, log, nodeName: policy.name });
    this.registry = new Registry({
      membership,
      records,
      clock: timers.clock,
      setTimer: timers.setTimer,
      log,
      events,
      balancer,
      alongside: [this.breaking, this.config],
      selfId: memberId,
      beatMs: policy.beat.intervalMs,
      maxStaleMs: policy.maxStaleMs,
    });
  }

  /** The node has joined, perhaps again: everything is read. Rejects when the backend is away. */
  joined(): Promise<void> {
    return this.registry.resync();
  }

  news(items: readonly NewsItem[]): void {
    this.registry.apply(items);
  }

  beaten(seq: number): void {
    this.registry.beaten(seq);
  }

  async close(): Promise<void> {
    this.registry.close();
    await this.breaking.close();
  }
}
