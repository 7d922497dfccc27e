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
}

export function newStats(): Stats {
  return { processed: 0, failed: 0, redelivered: 0, dead: 0, replied: 0, expired: 0 };
}
