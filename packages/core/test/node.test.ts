import test from 'ava';
import { memory } from '../src/backends/memory.ts';
import { nodeContract } from '../src/testing/node-contract.ts';

nodeContract(test, {
  name: 'memory',
  make: () => {
    const backend = memory();
    return { backend: () => backend, namespace: 'node-contract', cleanup: async () => undefined };
  },
});
