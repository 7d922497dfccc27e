import { Redis } from 'ioredis';

/** Deletes what a test's namespace has left in the shared Redis. */
export async function removeNamespace(url: string, namespace: string): Promise<void> {
  const redis = new Redis(url, { disableClientInfo: true });
  try {
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `{${namespace}*`, 'COUNT', 1_000);
      if (keys.length > 0) await redis.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
  } finally {
    redis.disconnect();
  }
}
