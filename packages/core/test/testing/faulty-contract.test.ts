import test from 'ava';
import { memory } from '../../src/backends/memory.ts';
import { backendContract, faulty } from '../../src/testing/index.ts';

backendContract(test, {
  name: 'a faulty backend without faults',
  make: async () => ({ backend: faulty(memory()), cleanup: async () => undefined }),
  features: { survivesRestart: false, virtualTime: false },
});
