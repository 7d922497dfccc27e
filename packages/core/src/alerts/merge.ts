/** Several raises of one condition by one node, as one. Pure. */
import type { Raised } from './alert.ts';
import { isWorse } from './severity.ts';

/** What the later one says, counted for both, as bad as the worse of them. It has the token of the earlier one. */
export function merged(earlier: Raised, later: Raised): Raised {
  return {
    ...later,
    severity: isWorse(earlier.severity, later.severity) ? earlier.severity : later.severity,
    bypass: earlier.bypass || later.bypass,
    at: Math.min(earlier.at, later.at),
    lastAt: Math.max(lastOf(earlier), lastOf(later)),
    count: earlier.count + later.count,
    token: earlier.token,
  };
}

function lastOf({ at, lastAt = at }: Raised): number {
  return lastAt;
}
