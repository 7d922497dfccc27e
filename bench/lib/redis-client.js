import { Redis } from 'ioredis';

/**
 * @param {string} url
 * @returns {Promise<Redis>} connected
 */
export async function connectRedis(url) {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null });
  await redis.connect();
  return redis;
}

/**
 * Gathers what is written in one turn of the event loop into one write to the socket: the fastest way to use plain
 * ioredis commands (its pipelines and auto-pipelining cost more per command and bring long garbage collections).
 *
 * @param {Redis} redis
 * @returns {() => void} call it before each command
 */
export function corking(redis) {
  let corked = false;
  const uncork = () => {
    corked = false;
    redis.stream.uncork();
  };
  return () => {
    if (corked) return;
    corked = true;
    redis.stream.cork();
    process.nextTick(uncork);
  };
}
