/**
 * Homeostat in order by key: what that costs is the distance to `homeostat`.
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import { actor, contract } from '../../packages/homeostat/dist/src/index.js';
import { payload } from '../lib/payload.js';
import { pump } from '../lib/pump.js';
import { node, pauseWhenFull, User, WINDOW } from './homeostat.js';

const KEYS = 1_000;

const users = contract('users', { methods: { record: { input: User } } });

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const service = await node(env, 'service');
  await service.serve(actor(users, { record: () => handled(1) }, { keyed: {} }));
  return { close: () => service.close() };
}

/**
 * @param {Env} env
 * @returns {Promise<Caller>}
 */
export async function connect(env) {
  const caller = await node(env, 'caller');
  const api = caller.client(users);
  let sent = 0;
  const cast = () => api.record.cast(payload, { key: `user-${sent++ % KEYS}` });
  return { send: (n) => pump(n, WINDOW, cast, pauseWhenFull), close: () => caller.close() };
}
