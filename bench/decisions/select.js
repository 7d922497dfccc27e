/** Which instance? Each strategy over lists of several lengths that stay the same, as they do between two beats. */
import { Balancer } from '../../packages/core/dist/src/balance/balancer.js';

export const LENGTHS = [1, 10, 100, 1_000];
/** How the name of such a decision begins: the report makes a table of its own of them. */
export const SELECT = 'select';
/** Different keys, for the strategy that looks at them. */
const KEYS = 256;

/** @param {number} n */
function instance(n) {
  return Object.freeze({
    service: 'users',
    mailbox: 'users@1',
    nodeId: `node-${n}`,
    nodeName: `node-${n}`,
    host: 'h',
    pid: n,
    version: '1.0.0',
    methods: ['get'],
    status: /** @type {const} */ ('healthy'),
    reason: undefined,
    weight: 1 + (n % 3),
    tags: [],
    meta: {},
    external: false,
    startedAt: 0,
    load: (n % 10) / 10,
    score: 1 - (n % 5) / 10,
    responseMs: 1 + (n % 7),
    inFlight: n % 4,
    elsewhere: n % 4,
  });
}

/** @returns {import('./measure.js').Decision[]} */
export function selectDecisions() {
  return new Balancer().names().flatMap((strategy) =>
    LENGTHS.map((length) => {
      const balancer = new Balancer();
      const list = Object.freeze(Array.from({ length }, (_, n) => instance(n)));
      const keys = Array.from({ length: KEYS }, (_, n) => `user:${n}`);
      let turn = 0;
      const keyed = strategy === 'consistent_hash';
      return {
        name: `${SELECT} ${strategy} ${length}`,
        now: () => balancer.choose('users', list, strategy, keyed ? keys[turn++ % KEYS] : undefined),
        ...(length === 100 ? /** @type {const} */ ({ bar: 'median', barMicros: 10 }) : undefined),
      };
    }),
  );
}
