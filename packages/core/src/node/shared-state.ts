/** What all nodes share, as this node knows it: who is there, breakers, live settings. Kept up by news. */
import { Balancer } from '../balance/balancer.ts';
import type { Link } from '../backend.ts';
import { Breaking } from '../breaker/breaking.ts';
import type { Timers } from '../ground/clock.ts';
import { LiveConfig } from '../config/live.ts';
import type { Emitter } from './events.ts';
import type { Log } from '../ground/log.ts';
import type { NewsItem } from '../ports/membership.ts';
import { Newsroom } from './newsroom.ts';
import type { NodePolicy } from './options.ts';
import type { Policies } from '../policies/policies.ts';
import { Registry } from '../registry/registry.ts';

export interface SharedStateNeeds {
  readonly link: Link;
  readonly policy: NodePolicy;
  readonly policies: Policies;
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
  readonly #newsroom: Newsroom;

  constructor({ link, policy, policies, timers, events, log, memberId }: SharedStateNeeds) {
    const { membership, records, breakers } = link;
    this.balancer = new Balancer({ log });
    this.registry = new Registry({
      membership,
      records,
      clock: timers.clock,
      setTimer: timers.setTimer,
      log,
      events,
      balancer: this.balancer,
      selfId: memberId,
      beatMs: policy.beat.intervalMs,
      maxStaleMs: policy.maxStaleMs,
    });
    this.breaking = new Breaking({ breakers, timers, log, events, nodeId: memberId, ping: () => link.ping() });
    this.config = new LiveConfig({ records, policies, events, log, nodeName: policy.name });
    this.#newsroom = new Newsroom([this.breaking, this.config], log);
  }

  /** The node has joined, perhaps again: everything is read. Rejects when the backend is away. */
  async joined(): Promise<void> {
    await Promise.all([this.registry.resync(), this.#newsroom.joined()]);
  }

  news(items: readonly NewsItem[]): void {
    this.registry.apply(items);
    this.#newsroom.receive(items);
  }

  beaten(seq: number): void {
    this.registry.beaten(seq);
    this.#newsroom.beaten(seq);
  }

  async close(): Promise<void> {
    this.registry.close();
    await this.breaking.close();
  }
}
