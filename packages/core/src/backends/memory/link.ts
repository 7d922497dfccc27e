import type { BackendHealth, Link } from '../../backend.ts';
import type { AlertStore } from '../../ports/alerts.ts';
import type { Breakers } from '../../ports/breakers.ts';
import type { NodeIdentity } from '../../ports/broker.ts';
import type { Cache } from '../../ports/cache.ts';
import type { Timers } from '../../ground/clock.ts';
import type { Once } from '../../ports/once.ts';
import type { Limits } from '../../ports/limits.ts';
import type { Partitions } from '../../ports/partitions.ts';
import type { Permits } from '../../ports/permits.ts';
import type { Records } from '../../ports/records.ts';
import type { StateStore } from '../../ports/state.ts';
import type { Topics } from '../../ports/topics.ts';
import { MemoryBroker } from './broker.ts';
import { Hold } from './hold.ts';
import { MemoryMembership } from './membership.ts';
import { MemoryPartitions } from './partitions.ts';
import {
  memoryAlerts,
  memoryBreakers,
  memoryCache,
  memoryLimits,
  memoryOnce,
  memoryPermits,
  memoryRecords,
  memoryState,
  memoryTopics,
} from './shared.ts';
import type { World } from './world.ts';

/** One node's hold on a world. */
export class MemoryLink implements Link {
  readonly broker: MemoryBroker;
  readonly membership: MemoryMembership;
  readonly records: Records;
  readonly breakers: Breakers;
  readonly cache: Cache;
  readonly permits: Permits;
  readonly limits: Limits;
  readonly state: StateStore;
  readonly once: Once;
  readonly topics: Topics;
  readonly alerts: AlertStore;
  readonly #partitions: MemoryPartitions;
  readonly timers: Timers | undefined;
  readonly #hold: Hold;

  constructor(world: World, identity: NodeIdentity, timers: Timers | undefined) {
    this.timers = timers;
    this.#hold = new Hold(world, identity, timers ?? world.timers);
    this.broker = new MemoryBroker(this.#hold);
    this.membership = new MemoryMembership(this.#hold);
    this.records = memoryRecords(this.#hold);
    this.breakers = memoryBreakers(this.#hold);
    this.cache = memoryCache(this.#hold);
    this.permits = memoryPermits(this.#hold);
    this.limits = memoryLimits(this.#hold);
    this.state = memoryState(this.#hold);
    this.once = memoryOnce(this.#hold);
    this.topics = memoryTopics(this.#hold);
    this.alerts = memoryAlerts(this.#hold);
    this.#partitions = new MemoryPartitions(this.#hold);
    world.linkOpened();
  }

  get partitions(): Partitions {
    return this.#partitions;
  }

  now(): number {
    return this.#hold.world.timers.clock.now();
  }

  health(): Promise<BackendHealth> {
    const connected = !this.#hold.closed;
    return Promise.resolve(connected ? { connected, pingMs: 0, connections: 0 } : { connected, connections: 0 });
  }

  async ping(): Promise<number> {
    const { clock } = this.#hold.world.timers;
    const startedAt = clock.elapsed();
    await this.#hold.use(() => undefined);
    return clock.elapsed() - startedAt;
  }

  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#hold.use(() => undefined);
  }

  async close(): Promise<void> {
    if (this.#hold.closed) return;
    this.#hold.closed = true;
    this.membership.stopBeating();
    this.#hold.member?.inbox.close();
    this.#hold.member?.news.close();
    this.#hold.member?.alerts.close();
    await this.broker.closeReaders();
    await this.#partitions.closeReaders();
    this.#hold.world.linkClosed();
  }
}
