/** One status out of several. Pure. */
import type { InstanceStatus } from '../ports/report.ts';
import type { Standing } from './hysteresis.ts';

/** One thing that has a say in a status. */
export interface Part {
  /** Which one: `database`. */
  readonly name: string;
  readonly status: Standing['status'];
  readonly reason?: string | undefined;
}

export interface Judgement {
  readonly status: Standing['status'];
  /** Why the status is not `healthy`. */
  readonly reason?: string | undefined;
}

/** What others are told of the reasons, in characters. */
const MAX_REASON = 1_024;

/** Worst first. */
const ORDER = ['unhealthy', 'starting', 'degraded'] as const;

/** Any unhealthy → unhealthy, any that never ran → starting, any degraded → degraded, none → healthy. */
export function aggregate(parts: readonly Part[]): Judgement {
  const status = ORDER.find((worst) => parts.some((part) => part.status === worst));
  if (status === undefined) return { status: 'healthy' };
  const reasons = parts.filter((part) => part.status === status).map(describe);
  return { status, reason: clip(reasons.join('; ')) };
}

export function clip(reason: string): string {
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON - 1)}…`;
}

function describe({ name, status, reason }: Part): string {
  if (status === 'starting') return `${name}: has not passed yet`;
  return reason === undefined ? name : `${name}: ${reason}`;
}

/** What is known of an instance: what it last said of itself, and whether it is still heard of. */
export interface Sighting {
  readonly status?: InstanceStatus | undefined;
  readonly beating: boolean;
}

/** No sighting: never seen. Seen, but silent: expired. */
export function standingOf(sighting: Sighting | undefined): InstanceStatus | 'expired' | 'unknown' {
  if (sighting?.status === undefined) return 'unknown';
  return sighting.beating ? sighting.status : 'expired';
}
