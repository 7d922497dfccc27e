/**
 * Moleculer over its Redis transporter (publish/subscribe: at most once). One-way is a balanced event. Everything that
 * costs and is optional is off.
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import moleculer from 'moleculer';
import { payload } from '../lib/payload.js';
import { pump } from '../lib/pump.js';

const WINDOW = 256;
/** Groups of the fan-out: an event is balanced within the services of one name. */
const FAN_OUT = 5;

/**
 * @param {Env} env
 * @param {string} role
 */
function createBroker(env, role) {
  return new moleculer.ServiceBroker({
    nodeID: `${role}-${process.pid}`,
    namespace: env.prefix,
    // its types leave out the addresses that it takes
    transporter: /** @type {any} */ (env.redisUrl),
    logger: false,
    metrics: false,
    tracing: false,
    validator: false,
    cacher: false,
    internalServices: false,
    skipProcessEventRegistration: true,
  });
}

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const broker = createBroker(env, 'service');
  broker.createService({
    name: 'users',
    actions: { echo: (ctx) => ctx.params },
    events: { 'user.recorded': () => handled(1) },
  });
  for (let i = 0; i < FAN_OUT; i++)
    broker.createService({ name: `group-${i}`, events: { 'user.published': () => handled(1) } });
  await broker.start();
  return { close: () => broker.stop() };
}

/**
 * @param {Env} env
 * @returns {Promise<Caller>}
 */
export async function connect(env) {
  const broker = createBroker(env, 'caller');
  await broker.start();
  await broker.waitForServices('users', 10_000);
  return {
    send: (n) => pump(n, WINDOW, () => broker.emit('user.recorded', payload)),
    publish: (n) => pump(n, WINDOW, () => broker.emit('user.published', payload)),
    call: (input) => broker.call('users.echo', input),
    close: () => broker.stop(),
  };
}

/**
 * @param {Env} env
 * @param {number} actors
 * @returns {Promise<Closable>}
 */
export async function idle(env, actors) {
  const broker = createBroker(env, 'idle');
  for (let i = 0; i < actors; i++) broker.createService({ name: `users-${i}`, actions: { echo: (ctx) => ctx.params } });
  await broker.start();
  return { close: () => broker.stop() };
}
