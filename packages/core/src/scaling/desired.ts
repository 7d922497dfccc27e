/** How many instances a service should have. */

export interface Demand {
  readonly instances: number;
  /** Messages that wait. */
  readonly lag: number;
  /** How much the lag grows, messages per ms; less than 0: it falls. */
  readonly lagPerMs: number;
  /** Time of one message in its handler, ms. */
  readonly serviceMs: number;
  /** Handlers that one instance can run at once. */
  readonly concurrency: number;
  /** Handlers that one instance runs, on average. */
  readonly inFlight: number;
  /** Whether the lag stands though this instance does what it can. */
  readonly behind: boolean;
}

export interface Desired {
  readonly desired: number;
  readonly reason: string;
}

/** A lag should be worked off within this time, ms. */
const DRAIN_MS = 10_000;
/** Fewer are recommended only as far as those that stay have no more than this part of their places in use. */
const SHRINK_LOAD = 0.5;
/** More than so many times what there is, in one recommendation, would be a guess. */
const MOST = 10;

/**
 * By Little's law a rate of λ messages per ms that take S ms each keeps λ × S places busy. λ is what is handled now, what
 * the lag grows by, and what works the lag off in 10 s.
 */
export function desiredInstances(demand: Demand): Desired {
  const { lag, lagPerMs, serviceMs, concurrency, inFlight, behind } = demand;
  const instances = Math.max(1, demand.instances);
  const places = instances * inFlight + (Math.max(0, lagPerMs) + lag / DRAIN_MS) * serviceMs;
  const all = `${instances} × ${concurrency}`;
  if (behind) {
    const needed = Math.ceil(places / concurrency);
    const desired = Math.min(instances * MOST, Math.max(instances + 1, needed));
    const growing = lagPerMs > 0 ? ' and their number grows' : '';
    return { desired, reason: `${lag} messages wait${growing}: ${all} handlers at once do not keep up` };
  }
  const enough = Math.max(1, Math.ceil(places / concurrency / SHRINK_LOAD));
  if (lag === 0 && enough < instances)
    return { desired: enough, reason: `nothing waits, and ${Math.ceil(places)} of ${all} places are in use` };
  return { desired: instances, reason: 'it keeps up' };
}
