/** An actor whose handlers never end by themselves in the time of a test; on threads they block. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { actor, contract } from 'homeostat';

const LONG_MS = 600_000;
const NEVER = new Int32Array(new SharedArrayBuffer(4));

export const stuckThreads = contract('stuck-threads', { methods: { hang: {} } });
export const stuck = contract('stuck', { methods: { hang: {} } });

const hang = async (_input: unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
  if (isMainThread) await sleep(LONG_MS, undefined, { signal, ref: false });
  else Atomics.wait(NEVER, 0, 0, LONG_MS);
};

export const stuckActor = actor(stuck, { hang }, { concurrency: 2, maxLength: 10 });
export default actor(stuckThreads, { hang }, { maxLength: 10 });
