/** The port that lets callers try again: a budget over all nodes, and slots in time so that they do not come together. */
export interface PermitRequest {
  /** First tries since the last request of this node: they earn the budget. */
  readonly requests: number;
  /** Retries asked for now. */
  readonly wanted: number;
  /** Retries that each first try earns. */
  readonly ratio: number;
  /** Retries a second that are always earned. */
  readonly minPerSecond: number;
  /** Slots in a round. */
  readonly slots: number;
  /** Length of a slot, ms. */
  readonly slotMs: number;
}

export interface PermitAnswer {
  /** How many of the wanted may go. */
  readonly granted: number;
  /** For each that may go, how long its slot is away, ms. */
  readonly waitsMs: readonly number[];
}

/** Seconds over which unused budget is kept. Finagle's `RetryBudget`: 10 s, ratio 0.2, 10 a second. */
export const BUDGET_SECONDS = 10;

export interface Permits {
  /**
   * Draws from the budget of a service: a token bucket over all nodes that earns `ratio` for each request and
   * `minPerSecond` by time, and holds at most `BUDGET_SECONDS` of the latter and as much of the former as those seconds
   * brought. Slots are given out in turn over all nodes: the n-th that is granted waits for slot n mod `slots`, counted
   * from now.
   */
  take(service: string, request: PermitRequest): Promise<PermitAnswer>;
}
