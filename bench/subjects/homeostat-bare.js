/**
 * Homeostat without what protects calls: what the defaults cost is the distance to it.
 *
 * @import { Caller, Env } from '../lib/subject.js'
 */
import { connect as connectWith } from './homeostat.js';

export { serve } from './homeostat.js';

/** More than are ever under way. */
const NO_BOUND = 1_000_000;

/**
 * @param {Env} env
 * @returns {Promise<Caller>}
 */
export function connect(env) {
  return connectWith(env, { defaults: { retry: false, breaker: false, maxPending: NO_BOUND } });
}
