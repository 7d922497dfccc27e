/** One actor served by one node, as this node sees it. Frozen: what changes is a new object. */
import type { InstanceStatus } from '../ports/report.ts';

export interface Instance {
  readonly service: string;
  /** The service and the major part of its version: `users@1`. */
  readonly mailbox: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly methods: readonly string[];
  /** The worst of what the node and the actor say; a mark made by hand wins over both. */
  readonly status: InstanceStatus;
  /** Why the status is not `healthy`. */
  readonly reason: string | undefined;
  /** Share of the work it wants, relative to others. */
  readonly weight: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Stands for something outside. */
  readonly external: boolean;
  /** Its mailbox has lines for priorities, or for parties that take turns; absent: it has not. */
  readonly priorities?: true;
  readonly fair?: true;
  /** It is keyed: into so many partitions its mailbox is split. */
  readonly partitions?: number | undefined;
  /** When its node started: backend time, ms. */
  readonly startedAt: number;
  /**
   * In flight ÷ concurrency, as it last said. The figures from here on are at most a beat old while somebody asks for
   * the service, and neutral (idle, score 1) until the first have come.
   */
  readonly load: number;
  /** 0 to 1. */
  readonly score: number;
  /** Smoothed time that its handlers take, ms; undefined before the first. */
  readonly responseMs: number | undefined;
  /** Everything it had in flight, as it last said. */
  readonly inFlight: number;
  /** The part of `inFlight` that did not come from this node. */
  readonly elsewhere: number;
}

const RANK: Readonly<Record<InstanceStatus, number>> = {
  healthy: 0,
  degraded: 1,
  starting: 2,
  unhealthy: 3,
  draining: 4,
};

export function worse(one: InstanceStatus, other: InstanceStatus): InstanceStatus {
  return RANK[one] >= RANK[other] ? one : other;
}

/** Work may be sent there. */
export function isRoutable(status: InstanceStatus): boolean {
  return status === 'healthy' || status === 'degraded';
}

/** The service that a mailbox belongs to: `users` of `users@1`. */
export function serviceOf(mailbox: string): string {
  const at = mailbox.lastIndexOf('@');
  return at < 0 ? mailbox : mailbox.slice(0, at);
}
