/** By lot, the better ones more often: in proportion to `sharesOf`. */
import { PerList } from './per-list.ts';
import { sharesOf } from './shares.ts';
import type { MakeStrategy } from './strategy.ts';

export const healthBased: MakeStrategy = ({ random }) => {
  const sums = new PerList<Float64Array>((list) => {
    let sum = 0;
    return sharesOf(list).map((share) => (sum += share));
  });
  return (instances) => {
    const ends = sums.of(instances);
    const last = ends.length - 1;
    return firstAbove(ends, random() * (ends[last] as number), last);
  };
};

/** The first index whose value is greater than `wanted`; `last` where there is none. */
function firstAbove(ascending: Float64Array, wanted: number, last: number): number {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}
