import type { Actor } from './actor.ts';
import type { Log } from './log.ts';
import type { Pool } from './pool.ts';
import { AsyncPool } from './pools/async.ts';
import type { Serving } from './serve.ts';

/** Makes the pool that an actor is served with. Threads are loaded only where they are asked for. */
export async function createPool(actor: Actor, serving: Serving, maxBodyBytes: number, log: Log): Promise<Pool> {
  if (serving.pool === 'async') return new AsyncPool(actor);
  const { ThreadsPool } = await import('./pools/threads-pool.ts');
  return ThreadsPool.create(serving, maxBodyBytes, log);
}
