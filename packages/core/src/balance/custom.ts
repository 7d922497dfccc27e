/** A function of the user's as a strategy: whatever it does, somebody who may be picked is picked. */
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { roundRobin } from './round-robin.ts';
import type { MakeStrategy, SelectAsk, SelectFunction } from './strategy.ts';

export function custom(name: string, service: string, select: SelectFunction, log: Log | undefined): MakeStrategy {
  return (figures) => {
    const inItsPlace = roundRobin(figures);
    let failing = false;
    // Said once, until it works again: it may be asked thousands of times a second.
    const failed = (reason: string): void => {
      if (!failing)
        log?.error({ evt: 'strategy_failed', strategy: name, service, reason }, 'round robin picks instead');
      failing = true;
    };
    return (instances, key) => {
      const ask: SelectAsk = { service, key, random: figures.random, inFlight: figures.inFlight };
      try {
        const chosen = select(instances, ask);
        const index = chosen === undefined ? -1 : instances.indexOf(chosen);
        if (index >= 0) {
          failing = false;
          return index;
        }
        failed('it answered none of the instances it was given');
      } catch (thrown) {
        failed(messageOf(thrown));
      }
      return inItsPlace(instances, key);
    };
  };
}
