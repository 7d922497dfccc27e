/**
 * The thread that beats: a blocked event loop on the main thread does not lose the node. Started by heart.ts with
 * `new Worker(new URL('./beat.thread.js', import.meta.url))`, the form that bundlers know and copy; where a bundler does
 * not, the file cannot be loaded, and heart.ts beats on the main thread and says so.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { RedisOptions } from 'ioredis';
import type { BeatNews, BeatOrder, BeatPlan } from './beat-words.ts';
import { BeatEngine } from './beat.ts';
import { Connection } from './connection.ts';
import { quietLog } from './quiet-log.ts';

export interface BeatThreadData {
  readonly plan: BeatPlan;
  readonly connection: RedisOptions;
  readonly address: string;
  readonly socketTimeoutMs: number;
  /** One 64-bit number: when the main thread last did something, ms on the monotonic clock. */
  readonly progress: SharedArrayBuffer;
}

if (parentPort !== null) {
  const port = parentPort;
  const { plan, connection, address, socketTimeoutMs, progress } = workerData as BeatThreadData;
  const stamp = new BigInt64Array(progress);
  const engine = new BeatEngine(
    plan,
    new Connection(connection, address, { purpose: 'beat', socketTimeoutMs, cork: true }, quietLog),
    () => Number(Atomics.load(stamp, 0)),
    (news: BeatNews) => port.postMessage(news),
  );
  port.on('message', (order: BeatOrder | 'close') => {
    if (order !== 'close') return engine.handle(order);
    engine.close();
    port.close();
  });
  port.postMessage({ kind: 'up' } satisfies BeatNews);
}
