/** What delivery on this node has come to. */
export interface DeliveryCounters {
  /** Notices that a handler has taken; one digest of many alerts counts each of them. */
  delivered: number;
  /** Times that a handler has failed. */
  failed: number;
  /** Notices given up: subscriptions of mode `broadcast`, and `onPain`, only. */
  givenUp: number;
  /** Notices beyond the flood limit of a human group: they come in a digest. Each is counted by one node of the group. */
  flooded: number;
}

export function newCounters(): DeliveryCounters {
  return { delivered: 0, failed: 0, givenUp: 0, flooded: 0 };
}
