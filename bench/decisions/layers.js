/** What each power adds to a call that succeeds: the chain around a sending that answers at once. */
import { BreakerBook } from '../../packages/core/dist/src/backends/memory/breaker-book.js';
import { Breaking } from '../../packages/core/dist/src/breaker/breaking.js';
import { systemClock, systemTimers } from '../../packages/core/dist/src/ground/clock.js';
import { Emitter } from '../../packages/core/dist/src/node/events.js';
import { pipeline, pipelineNeeds } from '../../packages/core/dist/src/resilience/pipeline.js';
import { DEFAULT_BREAKER, DEFAULT_RETRY } from '../../packages/core/dist/src/policies/service-settings.js';
import { bulkheading, Bulkheads } from '../../packages/core/dist/src/resilience/bulkhead.js';
import { log } from './house.js';

const NONE = { retry: false, breaker: false, cache: false, maxPending: 1_024, hedgeAfterMs: 0 };
const ANSWER = Promise.resolve('fine');
const send = () => ANSWER;

/** @returns {import('./measure.js').Decision[]} */
export function layerDecisions() {
  const needs = powers();
  const request = () => ({
    subject: 'users.get',
    service: 'users',
    method: 'get',
    kind: /** @type {const} */ ('query'),
    input: undefined,
    deadline: Number.MAX_SAFE_INTEGER,
    signal: undefined,
    headers: undefined,
    key: undefined,
    id: undefined,
    attempts: 0,
    degraded: undefined,
  });
  /** @type {(name: string, chain: (request: any) => Promise<unknown>) => import('./measure.js').Decision} */
  const call = (name, chain) => ({ name: `a call that is answered at once: ${name}`, soon: () => chain(request()) });
  /** @param {object} policy */
  const chain = (policy) => pipeline(/** @type {any} */ ({ ...NONE, ...policy }), needs, send);
  return [
    call('nothing around it', send),
    {
      ...call('a slot of the bulkhead, taken and given back', bulkheading(new Bulkheads().of('users'), 1_024)(send)),
      bar: 'p99',
      barMicros: 100,
      stated: '0.1 ms (checkout)',
    },
    call('bulkhead and breaker', chain({ breaker: DEFAULT_BREAKER })),
    call('bulkhead and retry', chain({ retry: DEFAULT_RETRY })),
    call('bulkhead, breaker and retry: the defaults', chain({ retry: DEFAULT_RETRY, breaker: DEFAULT_BREAKER })),
  ];
}

function powers() {
  const book = new BreakerBook(systemClock, () => {});
  const breaking = new Breaking({
    breakers: {
      record: async (name, tally, policy, by, known) => book.record(name, tally, policy, by, known),
      probe: async (name, leaseMs, _policy, by) => book.probe(name, leaseMs, by),
      release: async (name, token) => book.release(name, token),
      force: async (name, force) => book.force(name, force),
      all: async () => book.all(),
    },
    log,
    events: new Emitter(log),
    nodeId: () => 'bench',
    ping: async () => 0,
  });
  const unused = /** @type {any} */ ({});
  return pipelineNeeds({
    timers: systemTimers,
    log,
    breaking,
    link: { cache: unused, permits: unused },
    maxBodyBytes: 1_000_000,
  });
}
