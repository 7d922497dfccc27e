/** What one node has done since it started. */
export interface Stats {
  /** Deliveries that succeeded. */
  processed: number;
  /** Deliveries that failed. */
  failed: number;
  /** Deliveries that were put back to be delivered again. */
  redelivered: number;
  /** Messages that became dead letters here. */
  dead: number;
  /** Answers sent. */
  replied: number;
  /** Messages not run because their deadline had passed. */
  expired: number;
  /** How long a message that was claimed waits until it may run: smoothed, ms. */
  waitMs: number;
}

/** Weight of a new measurement. */
const WEIGHT = 0.1;

/** A message that waited `ms` in hand has started. */
export function waited(stats: Stats, ms: number): void {
  stats.waitMs += WEIGHT * (ms - stats.waitMs);
}

export function newStats(): Stats {
  return { processed: 0, failed: 0, redelivered: 0, dead: 0, replied: 0, expired: 0, waitMs: 0 };
}
