/** The one with the least in flight for its weight. Among equals, in turn. */
import { burden } from './burden.ts';
import type { MakeStrategy } from './strategy.ts';

export const leastConnections: MakeStrategy = (figures) => {
  let turn = Math.floor(figures.random() * 1_024);
  return (instances) => {
    const { length } = instances;
    const first = turn % length;
    turn = first + 1;
    let best = first;
    let least = Infinity;
    for (let step = 0; step < length; step += 1) {
      const index = first + step < length ? first + step : first + step - length;
      const instance = instances[index];
      const its = instance === undefined ? Infinity : burden(instance, figures);
      if (its < least) {
        least = its;
        best = index;
      }
    }
    // The next turn begins behind the chosen one: otherwise it would be chosen twice after each one that was passed over.
    turn = best + 1;
    return best;
  };
};
