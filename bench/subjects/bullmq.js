/**
 * BullMQ as its users tune it: jobs removed when done, `addBulk` for bulk, one worker per queue with high concurrency,
 * a shared connection, and answers taken from one `completed` listener (`waitUntilFinished` per job costs two more
 * round trips).
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import { Queue, QueueEvents, Worker } from 'bullmq';
import { payload } from '../lib/payload.js';
import { pump } from '../lib/pump.js';
import { connectRedis } from '../lib/redis-client.js';

/** Measured best of 16 to 1,024: calls at 256 outstanding were half as fast with a concurrency of 256. */
const CONCURRENCY = 64;
const BULK = 256;
/** `addBulk` under way at once. */
const BULKS = 4;
/** Nothing is kept of a job that is done. */
const KEEP = { count: 0 };
/** Queues of the fan-out: it knows no topics, so the producer adds to each. */
const FAN_OUT = Array.from({ length: 5 }, (_, i) => `group-${i}`);

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const connection = await connectRedis(env.redisUrl);
  const options = {
    connection,
    prefix: env.prefix,
    concurrency: CONCURRENCY,
    removeOnComplete: KEEP,
    removeOnFail: KEEP,
  };
  const casts = new Worker('casts', async () => handled(1), options);
  const calls = new Worker('calls', async (job) => job.data, options);
  await Promise.all([casts.waitUntilReady(), calls.waitUntilReady()]);
  /** @type {Worker[]} */
  let groups = [];
  return {
    async fanOut() {
      if (groups.length > 0) return;
      groups = FAN_OUT.map((group) => new Worker(group, async () => handled(1), options));
      await Promise.all(groups.map((group) => group.waitUntilReady()));
    },
    async close() {
      await Promise.all([casts, calls, ...groups].map((worker) => worker.close(true)));
      connection.disconnect();
    },
  };
}

/**
 * @param {Env} env
 * @returns {Promise<Caller>}
 */
export async function connect(env) {
  const connection = await connectRedis(env.redisUrl);
  const options = { connection, prefix: env.prefix, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } };
  const casts = new Queue('casts', options);
  const calls = new Queue('calls', options);
  const events = new QueueEvents('calls', { connection, prefix: env.prefix });
  await Promise.all([casts.waitUntilReady(), calls.waitUntilReady(), events.waitUntilReady()]);
  /** @type {Map<string, { resolve: (value: unknown) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  events.on('completed', ({ jobId, returnvalue }) => {
    const caller = waiting.get(jobId);
    waiting.delete(jobId);
    caller?.resolve(returnvalue);
  });
  events.on('failed', ({ jobId, failedReason }) => {
    const caller = waiting.get(jobId);
    waiting.delete(jobId);
    caller?.reject(new Error(failedReason));
  });
  const groups = FAN_OUT.map((group) => new Queue(group, options));
  let number = 0;
  const job = { name: 'record', data: payload };
  /**
   * @param {Queue[]} queues each gets all of it
   * @param {number} n
   */
  const addAll = (queues, n) => {
    let left = n;
    return pump(Math.ceil(n / BULK), BULKS, () => {
      const size = Math.min(BULK, left);
      left -= size;
      const jobs = Array.from({ length: size }, () => job);
      return Promise.all(queues.map((queue) => queue.addBulk(jobs)));
    });
  };
  return {
    send: (n) => addAll([casts], n),
    publish: (n) => addAll(groups, n),
    sendOne: async () => void (await casts.add('record', payload)),
    call(input) {
      const jobId = `c${++number}`;
      return new Promise((resolve, reject) => {
        waiting.set(jobId, { resolve, reject });
        calls.add('echo', input, { jobId }).catch(reject);
      });
    },
    async close() {
      await Promise.all([casts, calls, events, ...groups].map((one) => one.close()));
      connection.disconnect();
    },
  };
}

/**
 * @param {Env} env
 * @param {number} actors
 * @returns {Promise<Closable>}
 */
export async function idle(env, actors) {
  const connection = await connectRedis(env.redisUrl);
  connection.setMaxListeners(0);
  const workers = Array.from(
    { length: actors },
    (_, i) => new Worker(`idle-${i}`, async () => undefined, { connection, prefix: env.prefix }),
  );
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close(true)));
      connection.disconnect();
    },
  };
}
