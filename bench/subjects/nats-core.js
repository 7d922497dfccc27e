/**
 * NATS core: at most once, bodies as JSON. A credit message per 4,096 handled keeps the publisher from outrunning the
 * subscriber, which the server would otherwise cut off as a slow consumer.
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import { connect as connectNats } from '@nats-io/transport-node';
import { payload } from '../lib/payload.js';

const CHUNK = 256;
const CREDIT = 4_096;
/** Messages under way at most: far below the server's 64 MiB for a slow consumer. */
const WINDOW = 65_536;

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const nats = await connectNats({ servers: env.natsUrl });
  let count = 0;
  nats.subscribe(`${env.prefix}.cast`, {
    callback: (error, message) => {
      if (error) throw error;
      message.json();
      handled(1);
      if (++count % CREDIT === 0) nats.publish(`${env.prefix}.credit`);
    },
  });
  nats.subscribe(`${env.prefix}.call`, {
    callback: (error, message) => {
      if (error) throw error;
      message.respond(JSON.stringify(message.json()));
    },
  });
  await nats.flush();
  return { close: () => nats.close() };
}

/**
 * @param {Env} env
 * @returns {Promise<Caller>}
 */
export async function connect(env) {
  const nats = await connectNats({ servers: env.natsUrl });
  let sent = 0;
  let credited = 0;
  let wake = () => {};
  nats.subscribe(`${env.prefix}.credit`, {
    callback: () => {
      credited += CREDIT;
      wake();
    },
  });
  return {
    async send(n) {
      for (let left = n; left > 0;) {
        for (const stop = Math.max(0, left - CHUNK); left > stop; left--)
          nats.publish(`${env.prefix}.cast`, JSON.stringify(payload));
        sent += CHUNK;
        await nats.flush();
        while (sent - credited > WINDOW) await new Promise((resolve) => (wake = () => resolve(undefined)));
      }
    },
    async call(input) {
      const reply = await nats.request(`${env.prefix}.call`, JSON.stringify(input), { timeout: 10_000 });
      return reply.json();
    },
    close: () => nats.close(),
  };
}
