/** What senders should know of a mailbox's methods: how many of each a frame should hold. */
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import { envelopesPerFrame, writeHints } from '../sending/frame-shares.ts';
import type { ServiceTimes } from './service-times.ts';

/** Of methods that nothing is known of, where handlers run on the node's own thread. */
const UNKNOWN_SHARE = 8;

/** In the form of `frame-shares.ts`. @param concurrency handlers that run at once. */
export function hintsOf(
  needs: Pick<DispatcherNeeds, 'pool' | 'frames'>,
  times: ServiceTimes,
  concurrency: number,
): string {
  const { pool } = needs;
  const inThreads = pool.kind === 'threads';
  const capacity = inThreads ? pool.capacity : concurrency;
  const known = new Map<string, number>([['*', inThreads ? 1 : UNKNOWN_SHARE]]);
  for (const [method, serviceMs] of times.entries())
    known.set(method, powerOfTwo(envelopesPerFrame(serviceMs, capacity)));
  for (const [method, most] of needs.frames?.() ?? [])
    known.set(method, Math.min(known.get(method) ?? known.get('*')!, powerOfTwo(most)));
  return writeHints(known);
}

/** Rounds down to a power of two, so that hints change seldom. */
function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}
