import type { Instance } from '../registry/instance.ts';
import type { Figures } from './strategy.ts';

/** However bad its score, an instance counts as a tenth at least, so that it is not shut out for ever. */
const MIN_SCORE = 0.1;

/**
 * What one more would make of an instance: (in flight + 1) ÷ weight ÷ score. In flight is what this node knows of itself
 * now and what the instance last said of the others.
 */
export function burden(instance: Instance, figures: Figures): number {
  const inFlight = figures.inFlight(instance.nodeId) + instance.elsewhere;
  return (inFlight + 1) / (instance.weight * Math.max(MIN_SCORE, instance.score));
}
