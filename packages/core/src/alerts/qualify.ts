/** From single looks at a condition to whether it holds: what comes for a moment is not reported, what pauses is not over. Pure. */

export interface QualifierPolicy {
  /** How long it must hold without a pause before it counts, ms. */
  readonly onDelayMs: number;
  /** How long it must be absent before it is over, ms. */
  readonly offDelayMs: number;
  /** It holds when at least so many … */
  readonly n: number;
  /** … of so many looks in a row found it. */
  readonly m: number;
}

export const NO_QUALIFIER: QualifierPolicy = { onDelayMs: 0, offDelayMs: 0, n: 1, m: 1 };

/** What is known of a condition. */
export interface Qualified {
  readonly isOn: boolean;
  /** Since when the looks say otherwise; absent: they agree. Same clock as `at`, ms. */
  readonly otherwiseSince?: number | undefined;
  /** The last looks, the latest at the end. */
  readonly looks: readonly boolean[];
}

export const UNSEEN: Qualified = { isOn: false, looks: [] };

/** What is known after one more look. */
export function looked(before: Qualified, found: boolean, at: number, policy: QualifierPolicy): Qualified {
  const looks = [...before.looks, found].slice(-policy.m);
  const holds = looks.filter(Boolean).length >= policy.n;
  if (holds === before.isOn) return { isOn: before.isOn, looks };
  const { otherwiseSince = at } = before;
  return settled({ isOn: before.isOn, otherwiseSince, looks }, at, policy);
}

/** What is known when nobody has looked since, and time has passed. */
export function settled(before: Qualified, at: number, policy: QualifierPolicy): Qualified {
  const turns = turnsAt(before, policy);
  return turns === undefined || turns > at ? before : { isOn: !before.isOn, looks: before.looks };
}

/** When it turns, if every look until then agrees with the last. */
export function turnsAt({ isOn, otherwiseSince }: Qualified, policy: QualifierPolicy): number | undefined {
  if (otherwiseSince === undefined) return undefined;
  return otherwiseSince + (isOn ? policy.offDelayMs : policy.onDelayMs);
}
