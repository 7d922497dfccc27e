/** How much a figure hurts. Pure. */
import type { Severity } from '../alert.ts';
import type { Thresholds } from './options.ts';

/** What hurts goes on to hurt until its figure falls below this part of the threshold: so that it does not flicker. */
const RELEASE = 0.9;

const WORST_FIRST = ['critical', 'high', 'medium'] as const;

/** Undefined: it does not hurt. `before`: how it was a look ago. */
export function severityOf(value: number, thresholds: Thresholds, before?: Severity): Severity | undefined {
  const now = worst(value, thresholds);
  if (now !== undefined || before === undefined) return now;
  // Below every threshold, but not by enough.
  return worst(value / RELEASE, thresholds);
}

/** The worst severity that at least `need` of these looks say, or worse. */
export function reachedBy(looks: readonly (Severity | undefined)[], need: number): Severity | undefined {
  let said = 0;
  for (const severity of WORST_FIRST) {
    said += looks.filter((look) => look === severity).length;
    if (said >= need) return severity;
  }
  return undefined;
}

function worst(value: number, thresholds: Thresholds): Severity | undefined {
  return WORST_FIRST.find((severity) => value >= (thresholds[severity] ?? Infinity));
}
