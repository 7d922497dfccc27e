/** What carries and remembers: `memory()` here, `redis(url)` in its own package. The ports a backend implements. */
import type { AlertStore } from './ports/alerts.ts';
import type { Breakers } from './ports/breakers.ts';
import type { Broker, NodeIdentity } from './ports/broker.ts';
import type { Cache } from './ports/cache.ts';
import type { Timers } from './ground/clock.ts';
import type { Limits } from './ports/limits.ts';
import type { Membership } from './ports/membership.ts';
import type { Once } from './ports/once.ts';
import type { Partitions } from './ports/partitions.ts';
import type { Permits } from './ports/permits.ts';
import type { Records } from './ports/records.ts';
import type { StateStore } from './ports/state.ts';
import type { Topics } from './ports/topics.ts';

export interface BackendMemory {
  /** Bytes in use. */
  readonly used: number;
  /** Bytes that it may use; 0: as many as there are. */
  readonly max: number;
}

export interface BackendHealth {
  readonly connected: boolean;
  /** Round trip of the last successful command that was timed, ms. */
  readonly pingMs?: number;
  readonly connections: number;
  /** As it said with one of the last beats; absent: it does not say. */
  readonly memory?: BackendMemory;
}

/** One node's hold on a backend. */
export interface Link {
  readonly broker: Broker;
  readonly membership: Membership;
  readonly records: Records;
  readonly breakers: Breakers;
  readonly cache: Cache;
  readonly partitions: Partitions;
  readonly permits: Permits;
  readonly limits: Limits;
  readonly state: StateStore;
  readonly once: Once;
  readonly topics: Topics;
  readonly alerts: AlertStore;
  /** Backend time, ms since the epoch: the one clock that deadlines and due times are written in. */
  now(): number;
  /**
   * Given where this backend's time is not the system's, so that a test can turn its hands: a node's deadlines, waits and
   * checks follow it then.
   */
  readonly timers?: Timers | undefined;
  health(): Promise<BackendHealth>;
  /** One round trip, measured now, ms. */
  ping(): Promise<number>;
  /** Resolves when the backend can be written to; rejects with the signal's reason when that aborts first. */
  ready(signal?: AbortSignal): Promise<void>;
  /** Ends every connection. `membership.leave()` comes first; without it the node looks dead to the others. */
  close(): Promise<void>;
}

export interface Backend {
  /** For messages and logs, without secrets: `memory`, `redis localhost:6379`. */
  readonly name: string;
  /** Rejects with `TransportError` naming the address when the backend cannot be reached. */
  connect(identity: NodeIdentity): Promise<Link>;
}

export * from './ports/broker.ts';
export * from './ports/membership.ts';
export * from './ports/partitions.ts';
export * from './ports/records.ts';
export * from './ports/breakers.ts';
export * from './ports/cache.ts';
export * from './ports/permits.ts';
export * from './ports/limits.ts';
export * from './ports/state.ts';
export * from './ports/once.ts';
export * from './ports/alerts.ts';
export { fnv1a, partitionOf } from './keyed/partition-of.ts';
export { partsOf } from './keyed/parts-of.ts';
export { systemClock, systemTimers, type Clock } from './ground/clock.ts';
export { Turns } from './sending/turns.ts';
export * from './ports/topics.ts';
export { groupMailbox, matchesTopic, serviceOfTopic } from './topics/names.ts';
export { loop, sleep } from './ground/loop.ts';
export type { Log } from './ground/log.ts';
export {
  HomeostatError,
  TransportError,
  BackendFull,
  NotMember,
  LayoutMismatch,
  StateInvalid,
  ConfigError,
  codeOf,
  messageOf,
} from './ground/errors.ts';
