import type { MakeStrategy } from './strategy.ts';

export const random: MakeStrategy =
  ({ random }) =>
  (instances) =>
    Math.floor(random() * instances.length);
