/** What health needs of the rest of its node. */
import type { BackendHealth } from '../backend.ts';
import type { Timers } from '../ground/clock.ts';
import type { Emitter } from '../node/events.ts';
import type { Log } from '../ground/log.ts';
import type { InstanceStatus } from '../ports/report.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { Ping } from './probes/ping.ts';
import type { Facts } from './readiness.ts';
import type { HealthLimits } from './score.ts';

/** What is read of an instance; the registry's own have more. */
export interface InstanceView {
  readonly nodeId: string;
  readonly version: string;
  readonly status: InstanceStatus;
  readonly reason?: string | undefined;
  readonly score?: number | undefined;
  readonly responseMs?: number | undefined;
}

/** Who serves what, as this node sees it. */
export interface RegistryView {
  /** Every instance, those that are not healthy included; empty for a service that nobody serves. */
  instances(
    service: string,
    options: { readonly status: 'any' },
  ): readonly InstanceView[] | Promise<readonly InstanceView[]>;
  services(): readonly string[] | Promise<readonly string[]>;
}

/** A check has failed more often in a row than is borne in silence. */
export interface Hurt {
  /** Absent: the node itself. */
  readonly service: string | undefined;
  readonly check: string;
  readonly failures: number;
  readonly reason: string | undefined;
}

/** A check that hurt passes again, or is no more. */
export type Healed = Pick<Hurt, 'service' | 'check'>;

/** Each is called at once, and must not throw. */
export interface HealthHooks {
  /** The instance of this mailbox on this node stops or begins to claim. */
  rotation?(mailbox: string, to: 'in' | 'out', reason: string): void;
  hurt?(hurt: Hurt): void;
  healed?(healed: Healed): void;
  /** A beat has passed, in which the event loop made others wait for `delayMs` at most. */
  stood?(delayMs: number): void;
  /** A status of this node or of something it serves has changed: what it says of itself is to be told now. */
  changed?(): void;
}

export interface HealthPolicy {
  /** A failing check whose score falls below this takes its instance out of rotation. Default 0.3. */
  readonly removeBelow: number;
  /** Failures in a row after which the next one hurts. Default 5. */
  readonly alertAfter: number;
  readonly limits: HealthLimits;
}

export interface HealthNeeds {
  readonly timers: Timers;
  readonly log: Log;
  readonly events: Emitter;
  readonly registry: RegistryView;
  readonly ping: Ping;
  backendHealth(): Promise<BackendHealth>;
  /** One round trip to the backend, now. Rejects when there is none. */
  roundTrip(): Promise<unknown>;
  facts(): Facts;
  /** The id of this node, which changes when it joins again. */
  selfId(): string;
  readonly beatMs: number;
  /** A loop that stood for longer than this makes the node unhealthy, ms. */
  readonly stallMs: number;
  /** A loop that stands for longer than this is dead, ms. */
  readonly evictMs: number;
  readonly hooks?: HealthHooks;
  readonly policy?: Partial<HealthPolicy>;
  /** Default: measured. */
  readonly loopDelay?: LoopDelay;
  /** Jitter; default `Math.random`. */
  readonly random?: () => number;
}
