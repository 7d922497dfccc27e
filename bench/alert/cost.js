/** What a raise costs when the condition is known: most of them are. */
import { connectRedis } from '../lib/redis-client.js';
import { median } from '../lib/stats.js';

const RAISES = 100_000;
/** Raises in one turn of the event loop. */
const BURST = 100;

/**
 * CPU time of this process, from the raise until it is told; and the writes to Redis, which are a command each.
 *
 * @param {Awaited<ReturnType<typeof import('../../packages/homeostat/dist/src/index.js').createNode>>} here
 * @param {string} redisUrl
 * @param {string} prefix
 * @param {number} rounds
 * @returns {Promise<import('../decisions/measure.js').DecisionFigures[]>}
 */
export async function raiseCosts(here, redisUrl, prefix, rounds) {
  const redis = await connectRedis(redisUrl);
  const written = async () => Number(await redis.get(`{${prefix}:0}:alerts:seq`));
  const micros = [];
  const commands = [];
  await raiseOften(here);
  for (let round = 0; round < rounds; round++) {
    const before = await written();
    const cpuBefore = process.cpuUsage();
    await raiseOften(here);
    const { user, system } = process.cpuUsage(cpuBefore);
    micros.push((user + system) / RAISES);
    commands.push(((await written()) - before) / (RAISES / 1_000));
  }
  redis.disconnect();
  return [
    figure('raise, the same condition again: CPU', micros, 'µs'),
    figure('raise, the same condition again: commands per 1,000', commands, 'commands'),
  ];
}

/** @param {Parameters<typeof raiseCosts>[0]} here */
async function raiseOften(here) {
  const told = [];
  for (let n = 1; n <= RAISES; n++) {
    told.push(here.pain({ kind: 'again', message: 'it hurts', severity: 'high' }));
    if (n % BURST === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(told);
}

/**
 * @param {string} name
 * @param {number[]} values
 * @param {string} unit
 */
function figure(name, values, unit) {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted[sorted.length - 1]];
  return { name, median: median(values), min, max, p99: max, runs: values.length, count: values.length * RAISES, unit };
}
