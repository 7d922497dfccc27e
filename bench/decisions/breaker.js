/** What a breaker costs a call, and how long it takes until all know. */
import { LocalBreaker } from '../../packages/core/dist/src/breaker/local-breaker.js';
import { newBreaker, toState } from '../../packages/core/dist/src/breaker/breaker-state.js';
import { systemClock } from '../../packages/core/dist/src/ground/clock.js';
import { DEFAULT_BREAKER } from '../../packages/core/dist/src/policies/service-settings.js';

const STATED = '50 µs';
/** Longer than any run: what is open stays open, what closes step by step goes on doing so, in milliseconds. */
const LONG_MS = 3_600_000;
/** Longest wait for the other node to hear, in milliseconds. */
const HEAR_MS = 5_000;

/**
 * @param {Partial<ReturnType<typeof toState>>} fields
 * @param {Partial<typeof DEFAULT_BREAKER>} [policy]
 */
function breakerIn(fields, policy) {
  const now = Date.now();
  const breaker = new LocalBreaker('users.get', { ...DEFAULT_BREAKER, ...policy }, systemClock, () => {});
  breaker.accept({ ...toState(newBreaker('users.get', now), now), changes: 1, changedAt: now, ...fields });
  return breaker;
}

/**
 * @param {import('./house.js').House} house
 * @returns {import('./measure.js').Decision[]}
 */
export function breakerDecisions({ here, there, link, id }) {
  const closed = breakerIn({});
  const open = breakerIn({ phase: 'open', openUntil: Date.now() + LONG_MS });
  const ramping = breakerIn({ rampUntil: Date.now() + LONG_MS }, { rampMs: 2 * LONG_MS });
  let calls = 0;
  let breakers = 0;
  return [
    { name: 'breaker, closed', now: () => closed.admit(), ...local },
    { name: 'breaker, open', now: () => open.admit(), ...local },
    { name: 'breaker, closing step by step', now: () => ramping.admit(), ...local },
    {
      name: 'breaker on Redis: record an outcome, get the state',
      soon: () => {
        const failed = calls++ % 10 === 0 ? 1 : 0;
        const tally = { successes: 1 - failed, failures: failed, trailingFailures: failed };
        return link.breakers.record('bench.record', tally, DEFAULT_BREAKER, id, undefined);
      },
      bar: 'median',
      barMicros: 1_000,
      stated: '1 ms (a Redis operation)',
    },
    {
      name: 'breaker: one node opens, the other rejects',
      timed: () => heard(here, there, `bench-${breakers++}`),
    },
  ];
}

const local = /** @type {const} */ ({ bar: 'p99', barMicros: 50, stated: STATED });

/**
 * From the last failure on one node until the breaker is open on the other.
 *
 * @param {import('./house.js').House['here']} here
 * @param {import('./house.js').House['there']} there
 * @param {string} name
 */
async function heard(here, there, name) {
  const breaker = here.breaker(name, { failureThreshold: 5 });
  const fail = () =>
    breaker
      .run(() => {
        throw new Error('no');
      })
      .catch(() => {});
  for (let n = 0; n < 4; n++) await fail();
  await breaker.stats();
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the other node did not hear that the breaker opened')), HEAR_MS);
    const startedAt = performance.now();
    const stop = there.on('breaker', ({ to, state }) => {
      if (state.name !== name || to !== 'open') return;
      clearTimeout(late);
      stop();
      resolve(performance.now() - startedAt);
    });
    void fail();
  });
}
