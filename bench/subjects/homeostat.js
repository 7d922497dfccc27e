/**
 * Homeostat through its public door, with its defaults: validation on both sides, deadlines, beats, fences.
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import { z } from 'zod';
import { actor, contract, createNode, topic } from '../../packages/homeostat/dist/src/index.js';
import { payload } from '../lib/payload.js';
import { pump } from '../lib/pump.js';

/** Casts awaiting acceptance at once. */
export const WINDOW = 2_048;
/** How long a producer waits when the mailbox has no room, in milliseconds. */
const FULL_PAUSE_MS = 2;

export const User = z.object({
  id: z.number(),
  name: z.string(),
  email: z.string(),
  active: z.boolean(),
  roles: z.array(z.string()),
  address: z.object({ street: z.string(), city: z.string(), zip: z.string() }),
  createdAt: z.number(),
});

/**
 * A full mailbox is the runtime's back-pressure, not a failure: the producer waits and sends again.
 *
 * @param {Error & { code?: string }} error
 */
export const pauseWhenFull = (error) => (error.code === 'MAILBOX_FULL' ? FULL_PAUSE_MS : undefined);

/** @param {string} name */
const usersContract = (name) =>
  contract(name, {
    version: '1.0.0',
    methods: {
      echo: { input: User, output: User, kind: 'query' },
      record: { input: User },
      list: { input: z.number(), yields: User },
    },
  });

const users = usersContract('users');
const recorded = topic('users.recorded', User);
const GROUPS = 5;

/**
 * @param {Env} env
 * @param {string} name
 * @param {import('../../packages/homeostat/dist/src/index.js').NodeOptions} [settings]
 */
export const node = (env, name, settings) =>
  createNode({ redis: env.redisUrl, name, namespace: env.prefix, ...settings });

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const service = await node(env, 'service');
  await service.serve(
    actor(users, {
      echo: async (user) => user,
      record: async () => handled(1),
      list: async function* (n) {
        for (let sent = 0; sent < n; sent++) yield payload;
      },
    }),
  );
  let groups = 0;
  return {
    async fanOut() {
      for (; groups < GROUPS; groups++)
        await service.subscribe(recorded, async () => handled(1), { group: `group-${groups}` });
    },
    close: () => service.close(),
  };
}

/**
 * @param {Env} env
 * @param {import('../../packages/homeostat/dist/src/index.js').NodeOptions} [settings]
 * @returns {Promise<Caller>}
 */
export async function connect(env, settings) {
  const caller = await node(env, 'caller', settings);
  const api = caller.client(users);
  const cast = () => api.record.cast(payload);
  return {
    send: (n) => pump(n, WINDOW, cast, pauseWhenFull),
    publish: (n) => pump(n, WINDOW, () => caller.publish(recorded, payload), pauseWhenFull),
    sendOne: async () => void (await cast()),
    call: (input) => api.echo(input),
    async stream(n) {
      let came = 0;
      for await (const user of api.list(n)) came += user === undefined ? 0 : 1;
      return came;
    },
    close: () => caller.close(),
  };
}

/**
 * @param {Env} env
 * @param {number} actors
 * @returns {Promise<Closable>}
 */
export async function idle(env, actors) {
  const service = await node(env, 'idle');
  for (let i = 0; i < actors; i++) {
    await service.serve(
      actor(usersContract(`users-${i}`), {
        echo: async (user) => user,
        record: async () => undefined,
        list: async function* () {},
      }),
    );
  }
  return { close: () => service.close() };
}
