import type { Instance } from '../../src/registry/instance.ts';

export function instanceOf(nodeId: string, over: Partial<Instance> = {}): Instance {
  return {
    service: 'x',
    mailbox: 'x@1',
    nodeId,
    nodeName: nodeId,
    host: 'h',
    pid: 1,
    version: '1.0.0',
    methods: ['get'],
    status: 'healthy',
    reason: undefined,
    weight: 1,
    tags: [],
    meta: {},
    external: false,
    startedAt: 0,
    load: 0,
    score: 1,
    responseMs: undefined,
    inFlight: 0,
    elsewhere: 0,
    ...over,
  };
}

/** mulberry32: numbers that look random and are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
