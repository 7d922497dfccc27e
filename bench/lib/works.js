import { setTimeout as sleep } from 'node:timers/promises';
import { Role } from './role.js';
import { subjects } from './subject.js';

/**
 * @typedef {object} Figure
 * @property {number} value what the medians are made of
 * @property {Record<string, number>} [more] for the human table
 *
 * @typedef {object} Quiet what a work gets that needs Redis for itself
 * @property {string} subject
 * @property {string} execPath
 * @property {import('./subject.js').Env} env
 * @property {import('./redis-probe.js').RedisProbe} redis
 *
 * @typedef {object} Work
 * @property {string} name
 * @property {string} unit
 * @property {string} title
 * @property {boolean} higherIsBetter
 * @property {number} digits behind the point in tables
 * @property {(subject: string) => boolean} has whether the subject takes part
 * @property {(session: import('./session.js').Session) => Promise<Figure>} [measure] between a service and a caller
 * @property {(quiet: Quiet) => Promise<Figure>} [measureQuiet] alone on Redis
 */

const MEASURED_MS = 900;
/** The first run of a subject in a process is preceded by this much of the same work, later ones by a tenth. */
const WARM_UP_MS = 700;
const OPEN_LOOP_MS = 4_000;
const FIRST_ONE_WAY = 2_000;
const IDLE_SETTLE_MS = 3_000;
const IDLE_MEASURED_MS = 6_000;
const FRAME = 128;
const GROUPS = 5;

/** @type {Work[]} */
export const works = [
  {
    name: 'one-way',
    unit: 'msg/s',
    title: 'one-way messages per second, until all are handled',
    higherIsBetter: true,
    digits: 0,
    has: (subject) => subjects[subject].oneWay !== false,
    measure: oneWay,
  },
  {
    name: 'fan-out-5',
    unit: 'deliveries/s',
    title: 'deliveries per second to 5 groups, each with a copy, until all are handled',
    higherIsBetter: true,
    digits: 0,
    has: (subject) => subjects[subject].fanOut === true,
    measure: fanOut,
  },
  {
    name: 'call-1-p50',
    unit: 'ms',
    title: 'time of a call at 1 outstanding, median',
    higherIsBetter: false,
    digits: 3,
    has: (subject) => subjects[subject].calls,
    async measure(session) {
      const { p50, p99, perSecond, cpu } = await closedLoop(session, 1);
      return { value: p50, more: { 'p99 ms': p99, 'calls/s': perSecond, 'cpu µs': cpu } };
    },
  },
  ...[16, 64, 256, 1_024].map(callsWork),
  {
    ...callsWork(256),
    name: 'resilience',
    title: 'calls per second at 256 outstanding, with and without what protects them (bar: × homeostat < 1.11)',
    has: (subject) => subjects[subject].resilience === true,
  },
  {
    name: 'stream-items',
    unit: 'items/s',
    title: 'items per second of one streamed reply, until the last is taken',
    higherIsBetter: true,
    digits: 0,
    has: (subject) => subjects[subject].streams === true,
    measure: streamItems,
  },
  {
    name: 'keyed',
    unit: 'msg/s',
    title: 'one-way messages per second in order by key, over 1,000 keys (bar: homeostat-keyed × 0.6 of homeostat)',
    higherIsBetter: true,
    digits: 0,
    has: (subject) => subjects[subject].keyed === true,
    measure: oneWay,
  },
  {
    name: 'open-loop-1000-p99',
    unit: 'ms',
    title: 'time of a call at 1,000 calls/s from the moment it was meant to leave, 99th percentile',
    higherIsBetter: false,
    digits: 2,
    has: (subject) => subjects[subject].calls,
    async measure(session) {
      await closedLoopWarmUp(session, 16);
      const { p50, p99, p999 } = await session.caller.ask('openLoop', { rate: 1_000, ms: OPEN_LOOP_MS });
      return { value: p99, more: { 'p50 ms': p50, 'p99.9 ms': p999 } };
    },
  },
  ...[50, 1_000].map(idleWork),
  {
    name: 'queued-bytes-single',
    unit: 'bytes',
    title: 'Redis memory per queued message, sent one by one',
    higherIsBetter: false,
    digits: 0,
    has: (subject) => subjects[subject].queued,
    measureQuiet: (quiet) => queuedBytes(quiet, 'sendOneByOne', 500, 5_000),
  },
  {
    name: 'queued-bytes-full',
    unit: 'bytes',
    title: 'Redis memory per queued message, sent in bulk',
    higherIsBetter: false,
    digits: 0,
    has: (subject) => subjects[subject].queued,
    measureQuiet: (quiet) => queuedBytes(quiet, 'send', 20 * FRAME, 100 * FRAME),
  },
];

/** @param {import('./session.js').Session} session */
function oneWay(session) {
  return throughput(session, 'one-way', 'send', 1);
}

/** @param {import('./session.js').Session} session */
async function fanOut(session) {
  await session.service.ask('fanOut');
  return throughput(session, 'fan-out-5', 'publish', GROUPS);
}

/**
 * @param {import('./session.js').Session} session
 * @param {string} work
 * @param {'send' | 'publish'} how
 * @param {number} copies handled of each message; all of them are counted
 * @returns {Promise<Figure>}
 */
async function throughput(session, work, how, copies) {
  const run = async (/** @type {number} */ n) => {
    await session.service.ask('expect', n);
    const sent = session.caller.ask(how, n / copies);
    const [startedAt, handledAt] = await Promise.all([sent, session.service.ask('reached')]);
    return (n / (handledAt - startedAt)) * 1_000;
  };
  const sized = (/** @type {number} */ rate, /** @type {number} */ ms) =>
    Math.max(FIRST_ONE_WAY, copies * Math.round((rate * ms) / 1_000 / copies));
  let rate = session.rates.get(work);
  if (rate === undefined) {
    rate = await run(FIRST_ONE_WAY);
    rate = await run(sized(rate, WARM_UP_MS));
  }
  rate = await run(sized(rate, WARM_UP_MS / 5));
  const n = sized(rate, MEASURED_MS);
  const cpuBefore = await session.cpuMicros();
  rate = await run(n);
  const cpu = (await session.cpuMicros()) - cpuBefore;
  session.rates.set(work, rate);
  return { value: rate, more: { 'cpu µs': cpu / n } };
}

/** @param {import('./session.js').Session} session */
async function streamItems(session) {
  const run = (/** @type {number} */ n) => session.caller.ask('stream', n);
  const sized = (/** @type {number} */ rate, /** @type {number} */ ms) =>
    Math.max(FIRST_ONE_WAY, Math.round((rate * ms) / 1_000));
  let rate = session.rates.get('stream-items');
  if (rate === undefined) {
    rate = await run(FIRST_ONE_WAY);
    rate = await run(sized(rate, WARM_UP_MS));
  }
  rate = await run(sized(rate, WARM_UP_MS / 5));
  const n = sized(rate, MEASURED_MS);
  const cpuBefore = await session.cpuMicros();
  rate = await run(n);
  const cpu = (await session.cpuMicros()) - cpuBefore;
  session.rates.set('stream-items', rate);
  return { value: rate, more: { 'cpu µs': cpu / n } };
}

/**
 * @param {import('./session.js').Session} session
 * @param {number} outstanding
 */
async function closedLoopWarmUp(session, outstanding) {
  const known = session.rates.has(`call-${outstanding}`);
  session.rates.set(`call-${outstanding}`, 0);
  if (!known) await session.caller.ask('echoOnce');
  await session.caller.ask('closedLoop', { outstanding, ms: known ? WARM_UP_MS / 10 : WARM_UP_MS });
}

/**
 * @param {import('./session.js').Session} session
 * @param {number} outstanding
 */
async function closedLoop(session, outstanding) {
  await closedLoopWarmUp(session, outstanding);
  const cpuBefore = await session.cpuMicros();
  const figures = await session.caller.ask('closedLoop', { outstanding, ms: MEASURED_MS });
  return { ...figures, cpu: ((await session.cpuMicros()) - cpuBefore) / figures.count };
}

/**
 * @param {number} outstanding
 * @returns {Work}
 */
function callsWork(outstanding) {
  return {
    name: `call-${outstanding}`,
    unit: 'calls/s',
    title: `calls per second at ${outstanding} outstanding`,
    higherIsBetter: true,
    digits: 0,
    has: (subject) => subjects[subject].calls,
    async measure(session) {
      const { perSecond, p50, p99, cpu } = await closedLoop(session, outstanding);
      return { value: perSecond, more: { 'p50 ms': p50, 'p99 ms': p99, 'cpu µs': cpu } };
    },
  };
}

/**
 * @param {number} actors
 * @returns {Work}
 */
function idleWork(actors) {
  return {
    name: `idle-${actors}-commands`,
    unit: 'commands/s',
    title: `commands per second of an idle node with ${actors} actors, those inside scripts included`,
    higherIsBetter: false,
    digits: 1,
    has: (subject) => subjects[subject].idle,
    async measureQuiet({ subject, execPath, env, redis }) {
      const connectionsBefore = await redis.connections();
      const node = new Role(execPath, subject, 'idle', env, actors);
      try {
        await node.ready;
        await sleep(IDLE_SETTLE_MS);
        const connections = (await redis.connections()) - connectionsBefore;
        const stopCounting = await redis.countSent();
        const before = await redis.commands();
        const startedAt = performance.now();
        await sleep(IDLE_MEASURED_MS);
        const commands = (await redis.commands()) - before;
        const seconds = (performance.now() - startedAt) / 1_000;
        return { value: commands / seconds, more: { 'sent by clients/s': stopCounting() / seconds, connections } };
      } finally {
        await node.close();
      }
    },
  };
}

/**
 * @param {Quiet} quiet
 * @param {'send' | 'sendOneByOne'} how
 * @param {number} first not measured: what a mailbox costs whatever waits in it
 * @param {number} n
 * @returns {Promise<Figure>}
 */
async function queuedBytes({ subject, execPath, env, redis }, how, first, n) {
  const caller = new Role(execPath, subject, 'caller', env);
  try {
    await caller.ready;
    await caller.ask(how, first);
    await sleep(300);
    const before = await redis.usedBytes();
    await caller.ask(how, n);
    await sleep(300);
    return { value: ((await redis.usedBytes()) - before) / n };
  } finally {
    await caller.close();
  }
}
