import test from 'ava';
import { memory } from '../../src/backends/memory.ts';
import { backendContract } from '../../src/testing/index.ts';

backendContract(test, {
  name: 'memory',
  make: async () => ({ backend: memory(), cleanup: async () => undefined }),
  features: {
    // What it holds ends with the process.
    survivesRestart: false,
    // These nodes run on the system's clock; memory-time.test.ts turns the hands.
    virtualTime: false,
  },
});
