/**
 * The process that holds one role of one subject. The parent asks over IPC, one request at a time for each role; the
 * loops that measure live here, so that they are the same for every subject.
 *
 * argv: subject, role (`service`, `caller` or `idle`), environment as JSON, actors (idle only).
 *
 * @import { Caller, Closable, Env, Subject } from './subject.js'
 */
import { isDeepStrictEqual } from 'node:util';
import { payload } from './payload.js';
import { monotonicMs, Samples } from './stats.js';

/** Without one more message handled for this long, the rest counts as lost. */
const STALL_MS = 3_000;

const [name, role, envJson, actors] = process.argv.slice(2);
/** @type {Env} */
const env = JSON.parse(envJson);

let handledCount = 0;
let target = Number.POSITIVE_INFINITY;
let targetReachedAt = 0;
let onTarget = () => {};
/** @param {number} n */
function handled(n) {
  handledCount += n;
  if (handledCount >= target && targetReachedAt === 0) {
    targetReachedAt = monotonicMs();
    onTarget();
  }
}

/** @param {Caller} caller */
async function echoOnce(caller) {
  const reply = await callOf(caller)(payload);
  if (!isDeepStrictEqual(reply, payload))
    throw new Error(`the reply is not what was sent: ${JSON.stringify(reply)?.slice(0, 300)}`);
}

/** @param {Caller} caller */
function callOf(caller) {
  if (caller.call === undefined) throw new Error('this subject has no calls');
  return caller.call;
}

/**
 * Closed loop: each of `outstanding` lanes sends its next call when the last was answered.
 *
 * @param {Caller} caller
 * @param {{ outstanding: number, ms: number }} request
 */
async function closedLoop(caller, { outstanding, ms }) {
  const call = callOf(caller);
  const samples = new Samples();
  const startedAt = performance.now();
  const end = startedAt + ms;
  let lastAt = startedAt;
  const lane = async () => {
    let now = performance.now();
    while (now < end) {
      await call(payload);
      const answeredAt = performance.now();
      samples.add(answeredAt - now);
      now = answeredAt;
    }
    lastAt = now;
  };
  await Promise.all(Array.from({ length: outstanding }, lane));
  const { count, p50, p99, p999 } = samples.summary();
  return { count, perSecond: (count / (lastAt - startedAt)) * 1_000, p50, p99, p999 };
}

/**
 * Open loop: calls leave at a fixed rate whatever the answers do, and each latency counts from the moment the call was
 * meant to leave, so that a stall is paid for by every call it delayed. The loop polls instead of sleeping: a timer of
 * whole milliseconds would add its own lateness to every figure.
 *
 * @param {Caller} caller
 * @param {{ rate: number, ms: number }} request
 */
function openLoop(caller, { rate, ms }) {
  const call = callOf(caller);
  const samples = new Samples();
  const total = Math.round((rate * ms) / 1_000);
  const gap = 1_000 / rate;
  const start = performance.now() + 1;
  let sent = 0;
  let answered = 0;
  return new Promise((resolve, reject) => {
    const tick = () => {
      for (let due = start + sent * gap; sent < total && due <= performance.now(); due += gap) {
        const intended = due;
        sent++;
        call(payload).then(() => {
          samples.add(performance.now() - intended);
          if (++answered === total) resolve(samples.summary());
        }, reject);
      }
      if (sent < total) setImmediate(tick);
    };
    tick();
  });
}

/** CPU time of this process so far, all its threads, in microseconds: what a busy neighbour does not blur. */
function cpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** @param {number} n */
function expect(n) {
  target = handledCount + n;
  targetReachedAt = 0;
}

/** @returns {Promise<number>} when the last expected message was handled, in monotonic milliseconds */
function reached() {
  if (targetReachedAt > 0) return Promise.resolve(targetReachedAt);
  return new Promise((resolve, reject) => {
    let seen = handledCount;
    let seenAt = performance.now();
    const watch = setInterval(() => {
      if (handledCount > seen) {
        seen = handledCount;
        seenAt = performance.now();
      } else if (performance.now() - seenAt > STALL_MS) {
        clearInterval(watch);
        reject(new Error(`${target - handledCount} of the messages did not arrive`));
      }
    }, 250);
    onTarget = () => {
      clearInterval(watch);
      resolve(targetReachedAt);
    };
  });
}

/** @param {Subject} subject */
async function start(subject) {
  if (role === 'service') {
    const service = await subject.serve(env, handled);
    return { service, requests: { expect, reached, cpuMicros, fanOut: () => service.fanOut?.() } };
  }
  if (role === 'idle') {
    if (subject.idle === undefined) throw new Error('this subject has no idle node');
    return { service: await subject.idle(env, Number(actors)), requests: {} };
  }
  const caller = await subject.connect(env);
  return {
    service: caller,
    requests: {
      cpuMicros,
      echoOnce: () => echoOnce(caller),
      closedLoop: (/** @type {any} */ request) => closedLoop(caller, request),
      openLoop: (/** @type {any} */ request) => openLoop(caller, request),
      async send(/** @type {number} */ n) {
        if (caller.send === undefined) throw new Error('this subject has no one-way messages');
        const startedAt = monotonicMs();
        await caller.send(n);
        return startedAt;
      },
      async publish(/** @type {number} */ n) {
        if (caller.publish === undefined) throw new Error('this subject has no fan-out');
        const startedAt = monotonicMs();
        await caller.publish(n);
        return startedAt;
      },
      async stream(/** @type {number} */ n) {
        if (caller.stream === undefined) throw new Error('this subject has no streams');
        const startedAt = performance.now();
        const came = await caller.stream(n);
        if (came !== n) throw new Error(`${came} of ${n} items came`);
        return (n / (performance.now() - startedAt)) * 1_000;
      },
      async sendOneByOne(/** @type {number} */ n) {
        if (caller.sendOne === undefined) throw new Error('this subject has no awaited one-way messages');
        for (let i = 0; i < n; i++) await caller.sendOne();
      },
    },
  };
}

/** @param {unknown} error */
function text(error) {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** @param {{ id: number, value?: unknown, error?: string }} answer */
function reply(answer) {
  if (process.connected) process.send?.(answer);
}

process.on('disconnect', () => process.exit(0));
process.on('uncaughtException', (error) => {
  reply({ id: -1, error: text(error) });
  setTimeout(() => process.exit(1), 50);
});

try {
  const { service, requests } = await start(await import(`../subjects/${name}.js`));
  process.on(
    'message',
    async (/** @type {{ id: number, request: string, argument: unknown }} */ { id, request, argument }) => {
      try {
        if (request === 'close') {
          await /** @type {Closable} */ (service).close();
          reply({ id });
          process.disconnect();
          return;
        }
        const handler = /** @type {Record<string, (argument: any) => unknown>} */ (requests)[request];
        reply({ id, value: await handler(argument) });
      } catch (error) {
        reply({ id, error: text(error) });
      }
    },
  );
  reply({ id: 0 });
} catch (error) {
  reply({ id: 0, error: text(error) });
}
