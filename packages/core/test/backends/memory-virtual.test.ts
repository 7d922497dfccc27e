import test from 'ava';
import { memory } from '../../src/backends/memory.ts';
import { backendContract, virtualClock } from '../../src/testing/index.ts';

/** How far the hands move, and how often, ms: about four times as fast as the wall. */
const STEP_MS = 20;
const EVERY_MS = 5;

backendContract(test, {
  name: 'memory in virtual time',
  make: async () => {
    const clock = virtualClock();
    const hands = setInterval(() => void clock.advance(STEP_MS), EVERY_MS);
    return {
      backend: memory({ clock }),
      advance: (ms) => clock.advance(ms),
      cleanup: async () => clearInterval(hands),
    };
  },
  features: {
    // What it holds ends with the process.
    survivesRestart: false,
    virtualTime: true,
  },
});
