/**
 * Homeostat in order by key, each message changing the state of its key: one commit in Redis for each.
 *
 * @import { Closable, Env } from '../lib/subject.js'
 */
import { z } from 'zod';
import { actor, contract } from '../../packages/homeostat/dist/src/index.js';
import { node, User } from './homeostat.js';

export { connect } from './homeostat-keyed.js';

const users = contract('users', { state: z.object({ seen: z.number() }), methods: { record: { input: User } } });

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const service = await node(env, 'service');
  const record = actor(
    users,
    {
      record: (_user, ctx) => {
        ctx.state.set({ seen: (ctx.state.get()?.seen ?? 0) + 1 });
        handled(1);
      },
    },
    { keyed: {} },
  );
  await service.serve(record);
  return { close: () => service.close() };
}
