/** The promises of every backend, kept by this one. */
import test from 'ava';
import { backendContract } from '@homeostat/core/testing';
import { redis } from '../src/index.ts';
import { startRedis } from './redis-server.ts';

const server = await startRedis({ appendOnly: true, args: ['--appendfsync', 'always'] });
test.after.always(() => server.end());

backendContract(test, {
  name: 'redis',
  features: { survivesRestart: true, virtualTime: false },
  make: (namespace) =>
    Promise.resolve({
      // A thread a node is what others test; starting hundreds of them is most of what this costs.
      backend: redis({ url: server.url, beatThread: false }),
      restart: async () => {
        await server.kill();
        await server.start();
      },
      cleanup: async () => {
        const keys = await server.client.keys(`{${namespace}*`);
        if (keys.length > 0) await server.client.unlink(...keys);
      },
    }),
});
