/**
 * The port for shared breakers. The rolling window and every transition live in the backend and are evaluated in one
 * step when an outcome is recorded; a transition is news (`breaker`) for every node, which decides from its local copy.
 */
export type BreakerPhase = 'closed' | 'open' | 'half_open';

export interface BreakerPolicy {
  /** Failures in a row, over all nodes, that open it. */
  readonly failureThreshold: number;
  /** Share of failed calls in the window that opens it, 0 to 1 … */
  readonly failureRate: number;
  /** … once the window holds this many calls. */
  readonly minCalls: number;
  /** Length of the rolling window, ms; kept in ten steps. */
  readonly windowMs: number;
  /** Probes in a row that must succeed to close it. */
  readonly successThreshold: number;
  /** How long it stays open the first time, ms; doubles with each opening in a row. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** After closing, the admitted share grows from 10 to 100 % over this time, ms; 0 = all at once. */
  readonly rampMs: number;
  /** Distinct nodes that must have seen failures in the window before it opens. */
  readonly quorum: number;
}

/** A breaker as everybody sees it. */
export interface BreakerState {
  /** `service.method`, or what `breaker(name)` was given. */
  readonly name: string;
  readonly phase: BreakerPhase;
  /** Grows with every transition: of two states the one with more is newer. */
  readonly changes: number;
  /** Backend time of the last transition, ms. */
  readonly changedAt: number;
  /** Backend time until which it rejects without asking, ms; 0 while it is closed. */
  readonly openUntil: number;
  /** Openings in a row. */
  readonly openings: number;
  /** Backend time from which on it admits everything again, ms; 0 = there is no ramp. */
  readonly rampUntil: number;
  /** Failures in a row. */
  readonly failuresInRow: number;
  /** In the rolling window. */
  readonly windowFailures: number;
  readonly windowSuccesses: number;
  /** Since it was made or reset. */
  readonly failures: number;
  readonly successes: number;
  /** Why it is in this phase: `5 failures in a row`, or what a person wrote. */
  readonly reason: string;
  /** Node id, or who forced it. */
  readonly by: string;
  /** Forced by a person: outcomes change nothing until `openUntil`, or until it is closed or reset by hand. */
  readonly manual: boolean;
}

/** What happened since the last time it was told. */
export interface BreakerTally {
  readonly successes: number;
  readonly failures: number;
  /** Failures after the last success; equal to `failures` when there was no success. */
  readonly trailingFailures: number;
  /** The token of the probe whose outcome is among these; absent: none of them was a probe. */
  readonly probe?: string | undefined;
}

export type ProbeAnswer =
  /** This caller, and nobody else until the lease ends, may try. */
  | { readonly kind: 'granted'; readonly token: string; readonly state: BreakerState }
  /** Somebody else is trying, until `retryAt` at the latest (backend time, ms); or the breaker is not due; or it is closed. */
  | { readonly kind: 'refused'; readonly retryAt: number; readonly state: BreakerState };

export interface BreakerForce {
  readonly to: 'open' | 'closed' | 'reset';
  readonly reason: string;
  readonly by: string;
  /** Of `open`: closes by itself after this, ms. Absent: stays until somebody closes it. */
  readonly ttlMs?: number | undefined;
}

export interface Breakers {
  /**
   * Adds outcomes and evaluates. The state that results is what everybody sees. `known` is the caller's local copy: where
   * the backend has lost the breaker, an open one is put back from it.
   */
  record(
    name: string,
    tally: BreakerTally,
    policy: BreakerPolicy,
    by: string,
    known?: BreakerState,
  ): Promise<BreakerState>;
  /** Asks to be the one that tries an open breaker whose time is over. The lease ends with `record`, `release`, or by itself. */
  probe(name: string, leaseMs: number, policy: BreakerPolicy, by: string): Promise<ProbeAnswer>;
  /** Gives a probe's lease back without an outcome: it was aborted. */
  release(name: string, token: string): Promise<void>;
  force(name: string, force: BreakerForce): Promise<BreakerState>;
  /** Every breaker of the namespace that was ever told of a failure and has not been quiet for hours. */
  all(): Promise<readonly BreakerState[]>;
}
