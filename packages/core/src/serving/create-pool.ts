import type { Actor } from '../contract/actor.ts';
import type { Log } from '../ground/log.ts';
import type { ServerMiddleware } from '../calling/middleware.ts';
import type { Pool } from './pool.ts';
import { AsyncPool } from './pools/async.ts';
import type { Serving } from './serve.ts';

/**
 * Makes the pool that an actor is served with. Threads are loaded only where they are asked for. `middleware` is looked at
 * again with each message, so that more may be added to it later. `threadDied` is told of each thread that dies.
 */
export async function createPool(
  actor: Actor,
  serving: Serving,
  maxBodyBytes: number,
  log: Log,
  middleware: readonly ServerMiddleware[] = [],
  threadDied?: (reason: string) => void,
): Promise<Pool> {
  if (serving.pool === 'async') return new AsyncPool(actor, middleware);
  const { ThreadsPool } = await import('./pools/threads-pool.ts');
  return ThreadsPool.create(serving, maxBodyBytes, log, middleware, threadDied);
}
