import { memory, redis, type Backend } from 'homeostat';

/** Where the nodes of one example meet: the Redis at `REDIS_URL`, or the memory of this process. */
export function meetingPoint(): Backend {
  const url = process.env['REDIS_URL'];
  return url === undefined ? memory() : redis(url);
}
