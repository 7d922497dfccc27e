/**
 * Lets the load decide who decides: uneven loads → least_connections, much in flight → power_of_two, else
 * weighted_round_robin. Looked at again with every new list and every 100 picks.
 */
import { leastConnections } from './least-connections.ts';
import { powerOfTwo } from './power-of-two.ts';
import type { Instance } from '../registry/instance.ts';
import type { Figures, MakeStrategy, Strategy } from './strategy.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

/** Coefficient of variation of the loads above which they count as uneven. */
const UNEVEN = 0.3;
/** In flight per instance above which asking all of them is no longer worth it. */
const MUCH_IN_FLIGHT = 100;
const PICKS_BETWEEN_LOOKS = 100;

export const adaptive: MakeStrategy = (figures) => {
  const least = leastConnections(figures);
  const two = powerOfTwo(figures);
  const weighted = weightedRoundRobin(figures);
  let seen: readonly Instance[] | undefined;
  let picks = 0;
  let chosen: Strategy = weighted;

  return (instances, key) => {
    if (instances !== seen || picks >= PICKS_BETWEEN_LOOKS) {
      seen = instances;
      picks = 0;
      if (unevenness(instances) > UNEVEN) chosen = least;
      else chosen = inFlightEach(instances, figures) > MUCH_IN_FLIGHT ? two : weighted;
    }
    picks += 1;
    return chosen(instances, key);
  };
};

/** Standard deviation ÷ mean of the loads. */
function unevenness(instances: readonly Instance[]): number {
  let sum = 0;
  let squares = 0;
  for (const { load } of instances) {
    sum += load;
    squares += load * load;
  }
  const mean = sum / instances.length;
  if (mean <= 0) return 0;
  return Math.sqrt(Math.max(0, squares / instances.length - mean * mean)) / mean;
}

function inFlightEach(instances: readonly Instance[], figures: Figures): number {
  let sum = 0;
  for (const { nodeId, elsewhere } of instances) sum += figures.inFlight(nodeId) + elsewhere;
  return sum / instances.length;
}
