/** In turn. The turn is a counter of this node, begun anywhere, so that many nodes do not begin with the same instance. */
import { PerList } from './per-list.ts';
import type { MakeStrategy } from './strategy.ts';

export const roundRobin: MakeStrategy = ({ random }) => {
  const turns = new PerList<{ next: number }>((list, before) => ({
    next: before?.next ?? Math.floor(random() * list.length),
  }));
  return (instances) => {
    const turn = turns.of(instances);
    const index = turn.next % instances.length;
    turn.next = index + 1;
    return index;
  };
};
