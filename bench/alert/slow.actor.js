/** Two actors whose handlers take so long that what is sent to them waits: one on the event loop, one that computes on threads. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actor, contract } from '../../packages/homeostat/dist/src/index.js';

/** A handler waits, or computes, so long, in milliseconds. */
const WAITS_MS = 1_000;
const COMPUTES_MS = 50;

export const waiting = contract('waiting', { methods: { work: {} } });
export const computing = contract('computing', { methods: { work: {} } });

export const waitingActor = actor(waiting, { work: () => sleep(WAITS_MS) });
export default actor(computing, {
  work: () => {
    for (const end = performance.now() + COMPUTES_MS; performance.now() < end;);
  },
});
