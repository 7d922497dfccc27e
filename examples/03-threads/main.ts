import { createNode } from 'homeostat';
import { primes } from './primes.contract.ts';

const node = await createNode({
  redis: process.env['REDIS_URL'], // none: the memory backend
  namespace: process.env['NAMESPACE'] ?? 'example-03',
});
await node.serve(new URL('./primes.actor.js', import.meta.url), { pool: 'threads', threads: 1 });
const api = node.client(primes);

// A clock on this thread: a busy event loop would show as one long gap between two ticks.
let longestGapMs = 0;
let lastTick = performance.now();
const clock = setInterval(() => {
  const now = performance.now();
  longestGapMs = Math.max(longestGapMs, now - lastTick);
  lastTick = now;
}, 5);

const started = performance.now();
const found = await api.count({ below: 2_000_000 });
const tookMs = performance.now() - started;
clearInterval(clock);

console.log(`primes below 2000000: ${found}`);
console.log(`the handler needed ${Math.round(tookMs)} ms of computing`);
console.log(`event loop stayed free: ${longestGapMs < tookMs / 2 ? 'yes' : 'no'}`);

await node.close();
