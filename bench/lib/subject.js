/**
 * What every subject in `subjects/` exports. One file per subject, so that each can be read beside the others; the
 * loops that measure are the harness's (`child.js`) and the same for all.
 *
 * @typedef {object} Env
 * @property {string} redisUrl
 * @property {string} natsUrl empty when there is no nats-server
 * @property {string} prefix of every key, queue, subject and namespace of this run
 *
 * @typedef {object} Closable
 * @property {() => Promise<void>} close
 * @property {() => Promise<void>} [fanOut] of a service: from now on five groups get a copy of what is published
 *
 * @typedef {object} CallerMethods
 * @property {(n: number) => Promise<void>} [send] sends n one-way messages as fast as it can; resolves when all are accepted
 * @property {(n: number) => Promise<void>} [publish] sends n messages to the five groups as fast as it can; resolves when all are accepted
 * @property {() => Promise<void>} [sendOne] sends one and resolves when it is accepted
 * @property {(input: typeof import('./payload.js').payload) => Promise<unknown>} [call] asks the service to echo the input
 * @property {(n: number) => Promise<number>} [stream] asks for n items, takes them one by one and answers how many came
 *
 * @typedef {Closable & CallerMethods} Caller
 *
 * @typedef {object} Subject
 * @property {(env: Env, handled: (n: number) => void) => Promise<Closable>} serve handles casts (telling `handled`) and calls
 * @property {(env: Env) => Promise<Caller>} connect
 * @property {(env: Env, actors: number) => Promise<Closable>} [idle] one node that serves many actors and gets no message
 */

/**
 * Who is measured, with the works each takes part in. `label` is what the tables say of it.
 *
 * @type {Record<string, { label: string, needs: ('redis' | 'nats')[], oneWay?: false, fanOut?: true, calls: boolean, streams?: true, resilience?: true, keyed?: true, idle: boolean, queued: boolean }>}
 */
export const subjects = {
  homeostat: {
    label: 'Homeostat, defaults on, zod on both sides',
    needs: ['redis'],
    fanOut: true,
    calls: true,
    streams: true,
    resilience: true,
    keyed: true,
    idle: true,
    queued: true,
  },
  'homeostat-bare': {
    label: 'Homeostat without retry, breaker and bulkhead',
    needs: ['redis'],
    oneWay: false,
    calls: false,
    resilience: true,
    idle: false,
    queued: false,
  },
  'homeostat-keyed': {
    label: 'Homeostat, in order by key, 1,000 keys',
    needs: ['redis'],
    oneWay: false,
    calls: false,
    keyed: true,
    idle: false,
    queued: false,
  },
  'homeostat-keyed-state': {
    label: 'Homeostat, in order by key, with state committed by each message',
    needs: ['redis'],
    oneWay: false,
    calls: false,
    keyed: true,
    idle: false,
    queued: false,
  },
  raw: {
    label: 'hand-written ioredis loop, one entry each',
    needs: ['redis'],
    fanOut: true,
    calls: true,
    streams: true,
    idle: true,
    queued: true,
  },
  ceiling: {
    label: 'raw with frames of up to 128, nothing else',
    needs: ['redis'],
    fanOut: true,
    calls: true,
    idle: false,
    queued: true,
  },
  bullmq: { label: 'BullMQ', needs: ['redis'], fanOut: true, calls: true, idle: true, queued: true },
  moleculer: {
    label: 'Moleculer over Redis, at most once',
    needs: ['redis'],
    fanOut: true,
    calls: true,
    idle: true,
    queued: false,
  },
  'nats-core': {
    label: 'NATS core, at most once',
    needs: ['nats'],
    fanOut: true,
    calls: true,
    idle: false,
    queued: false,
  },
  'nats-jetstream': { label: 'NATS JetStream, in memory', needs: ['nats'], calls: false, idle: false, queued: false },
};
