/** How much of the work each instance should get. */
import type { Instance } from '../registry/instance.ts';

/** Per second, so that a share reads as calls a second of one that is idle. */
const SECOND_MS = 1_000;

/**
 * Weight × score × (1 − load) × 1000 ÷ max(response time, 1 ms), relative to the best: equal figures leave the weights
 * as they are. One without a response time yet is taken for an average one. When everybody is full, the weights decide.
 */
export function sharesOf(instances: readonly Instance[]): Float64Array {
  const usualMs = usualResponseMs(instances);
  const merits = instances.map(
    ({ score, load, responseMs = usualMs }) =>
      (Math.max(0, score) * Math.max(0, 1 - load) * SECOND_MS) / Math.max(responseMs, 1),
  );
  const best = Math.max(...merits);
  return Float64Array.from(instances, ({ weight }, index) => weight * (best > 0 ? (merits[index] ?? 0) / best : 1));
}

function usualResponseMs(instances: readonly Instance[]): number {
  let total = 0;
  let known = 0;
  for (const { responseMs } of instances) {
    if (responseMs === undefined) continue;
    total += responseMs;
    known += 1;
  }
  return known === 0 ? 1 : total / known;
}
