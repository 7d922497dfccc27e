/** What nodes promise on any backend, kept on this one. */
import test from 'ava';
import { nodeContract } from '@homeostat/core/testing';
import { redis } from '../src/index.ts';
import { startRedis } from './redis-server.ts';

const server = await startRedis();
test.after.always(() => server.end());

let worlds = 0;

nodeContract(test, {
  name: 'redis',
  make: () => {
    worlds += 1;
    const namespace = `nodes-${worlds}`;
    return {
      // A thread a node is what others test; starting hundreds of them is most of what this costs.
      backend: () => redis({ url: server.url, beatThread: false }),
      namespace,
      cleanup: async () => {
        const keys = await server.client.keys(`{${namespace}:*`);
        if (keys.length > 0) await server.client.unlink(...keys);
      },
    };
  },
});
