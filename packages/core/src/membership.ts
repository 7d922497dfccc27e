/** The port that says who is there. Liveness is the beat's business alone: nothing else declares a node dead. */

/** What a node tells of itself with every beat. */
export interface NodeReport {
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  readonly startedAt: number;
  readonly status: 'starting' | 'healthy' | 'degraded' | 'unhealthy' | 'draining';
  /** Mailbox → the methods served there. */
  readonly serves: Readonly<Record<string, readonly string[]>>;
  readonly inFlight: number;
  /** Method (as `mailbox/method`) → smoothed service time, ms. */
  readonly serviceMs: Readonly<Record<string, number>>;
}

export interface Member {
  readonly id: string;
  /** Absent when the report could not be read. */
  readonly report?: NodeReport;
}

export interface MembershipEvents {
  /** This node is no member any more: abort what runs, drop the claims, join again. */
  evicted(reason: string): void;
  /** Frames read from this node's inbox, in order. Must not throw. */
  inbox(frames: readonly Uint8Array[]): void;
}

export interface Membership {
  /**
   * Joins under a new id: member of every lane, inbox open, beating. Everything the broker does for this node is
   * fenced by that id. Joining again after an eviction gives another id.
   */
  join(report: () => NodeReport, events: MembershipEvents): Promise<string>;
  /** Sends the report with the next beat at once: what is served has changed. Resolves when it is visible to others. */
  announce(): Promise<void>;
  /** Every member with its report, read from the backend now. */
  members(): Promise<readonly Member[]>;
  /** Stops the beat and takes this node off every list; pending claims are taken up by others at once. */
  leave(): Promise<void>;
}
