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
/** Groups of the fan-out. */
const FAN_OUT = 5;

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
  let groups = 0;
  return {
    async fanOut() {
      for (; groups < FAN_OUT; groups++) {
        const first = groups === 0;
        nats.subscribe(`${env.prefix}.topic`, {
          queue: `group-${groups}`,
          callback: (error, message) => {
            if (error) throw error;
            message.json();
            handled(1);
            if (first && ++count % CREDIT === 0) nats.publish(`${env.prefix}.credit`);
          },
        });
      }
      await nats.flush();
    },
    close: () => nats.close(),
  };
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
  /**
   * @param {string} subject
   * @param {number} n
   * @param {number} window
   */
  const sendAll = async (subject, n, window) => {
    for (let left = n; left > 0;) {
      for (const stop = Math.max(0, left - CHUNK); left > stop; left--) nats.publish(subject, JSON.stringify(payload));
      sent += CHUNK;
      await nats.flush();
      while (sent - credited > window) await new Promise((resolve) => (wake = () => resolve(undefined)));
    }
  };
  return {
    send: (n) => sendAll(`${env.prefix}.cast`, n, WINDOW),
    publish: (n) => sendAll(`${env.prefix}.topic`, n, WINDOW / FAN_OUT),
    async call(input) {
      const reply = await nats.request(`${env.prefix}.call`, JSON.stringify(input), { timeout: 10_000 });
      return reply.json();
    },
    close: () => nats.close(),
  };
}
