import { median, Samples } from '../lib/stats.js';

/**
 * @typedef {object} Decision
 * @property {string} name
 * @property {() => unknown} [now] decides at once; run in batches, so that reading the clock is no part of it
 * @property {() => Promise<unknown>} [soon] decides by a promise, one after the other
 * @property {() => Promise<number>} [timed] prepares, decides, and tells how long the decision itself took, in milliseconds
 * @property {number} [barMicros] what it shall stay below: `bar` says which figure
 * @property {'median' | 'p99'} [bar]
 * @property {string} [stated] what the systems that this one replaces say of theirs
 *
 * @typedef {object} DecisionFigures in microseconds
 * @property {string} name
 * @property {number} median over the rounds
 * @property {number} min
 * @property {number} max
 * @property {number} p99 of decisions timed one by one, over all rounds
 * @property {number} runs
 * @property {number} count how many were timed one by one
 * @property {string} [unit] µs unless given
 * @property {number} [barMicros]
 * @property {'median' | 'p99'} [bar]
 * @property {string} [stated]
 */

/** Decisions of one batch. */
const BATCH = 1_000;
/** Decisions timed one by one, per round. */
const SINGLES = 2_000;
/** What was decided goes here, so that no engine leaves the work out. */
export const sink = { last: /** @type {unknown} */ (undefined) };

/**
 * Measures in rounds, A B C A B C, so that what drifts on the machine drifts for all.
 *
 * @param {readonly Decision[]} decisions
 * @param {{ rounds: number, ms: number }} how `ms`: what each decision gets per round, and before the first to warm up
 * @returns {Promise<DecisionFigures[]>}
 */
export async function measure(decisions, { rounds, ms }) {
  const measured = decisions.map((decision) => ({
    decision,
    values: /** @type {number[]} */ ([]),
    singles: new Samples(),
  }));
  for (const { decision } of measured) await round(decision, ms, new Samples());
  for (let n = 0; n < rounds; n++) {
    for (const { decision, values, singles } of measured) values.push(await round(decision, ms, singles));
  }
  return measured.map(({ decision: { name, bar, barMicros, stated }, values, singles }) => {
    const { count, p99 } = singles.summary();
    return {
      name,
      median: median(values) * 1_000,
      min: Math.min(...values) * 1_000,
      max: Math.max(...values) * 1_000,
      p99: p99 * 1_000,
      runs: values.length,
      count,
      bar,
      barMicros,
      stated,
    };
  });
}

/**
 * @param {Decision} decision
 * @param {number} ms
 * @param {Samples} singles
 * @returns {Promise<number>} milliseconds per decision
 */
async function round({ now, soon, timed }, ms, singles) {
  // The nodes beside it are to live on: a loop that is never free makes them unhealthy.
  await new Promise((resolve) => setImmediate(resolve));
  if (now !== undefined) {
    const value = batches(now, ms);
    for (let n = 0; n < SINGLES; n++) {
      const startedAt = performance.now();
      sink.last = now();
      singles.add(performance.now() - startedAt);
    }
    return value;
  }
  const end = performance.now() + ms;
  const values = new Samples();
  do {
    const startedAt = performance.now();
    const took =
      timed === undefined ? await spent(/** @type {() => Promise<unknown>} */ (soon), startedAt) : await timed();
    values.add(took);
    singles.add(took);
  } while (performance.now() < end);
  return values.summary().p50;
}

/**
 * @param {() => unknown} now
 * @param {number} ms
 */
function batches(now, ms) {
  const startedAt = performance.now();
  let count = 0;
  do {
    for (let n = 0; n < BATCH; n++) sink.last = now();
    count += BATCH;
  } while (performance.now() - startedAt < ms);
  return (performance.now() - startedAt) / count;
}

/**
 * @param {() => Promise<unknown>} soon
 * @param {number} startedAt
 */
async function spent(soon, startedAt) {
  sink.last = await soon();
  return performance.now() - startedAt;
}
