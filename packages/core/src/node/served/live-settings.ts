/** What the settings of its service, which may change at any time, make of an actor that is served. */
import type { Policies } from '../../policies/policies.ts';
import { withinBounds } from '../../scaling/autoscale.ts';
import type { Served } from './served.ts';

/** @param time `first`: it has just been made, and does not follow the load yet. */
export function applySettings(served: Served, policies: Policies, time: 'first' | 'again'): void {
  const { actor, dispatcher, limits } = served;
  const { concurrency, weight, scale } = policies.service(actor.contract.name);
  served.weight = weight ?? served.ownWeight;
  limits.refresh();
  const declared = concurrency ?? ownConcurrency(served);
  // Where it follows the load, the load decides, within bounds; what is declared is where it begins.
  dispatcher.resize(
    scale === false ? declared : withinBounds(time === 'first' ? declared : dispatcher.concurrency, scale),
  );
}

/** Of a pool of threads it is their number. */
function ownConcurrency({ pool, serving, actor }: Served): number {
  return pool.kind === 'threads' ? serving.threads : actor.policy.concurrency;
}
