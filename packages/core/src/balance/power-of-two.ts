/** Two by lot, the less burdened of them (Mitzenmacher, 2001): nearly as even as asking all, and no herd on old figures. */
import { burden } from './burden.ts';
import type { Instance } from '../registry/instance.ts';
import type { MakeStrategy } from './strategy.ts';

export const powerOfTwo: MakeStrategy = (figures) => (instances) => {
  const { length } = instances;
  if (length === 1) return 0;
  const one = Math.floor(figures.random() * length);
  let other = Math.floor(figures.random() * (length - 1));
  if (other >= one) other += 1;
  return burden(instances[one] as Instance, figures) <= burden(instances[other] as Instance, figures) ? one : other;
};
