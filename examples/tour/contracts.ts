import { contract } from 'homeostat';
import { z } from 'zod';

/** Computing: runs in worker threads. */
export const files = contract('files', {
  methods: {
    examine: {
      input: z.object({ bytes: z.instanceof(Uint8Array) }),
      output: z.object({ words: z.number(), sha256: z.string(), by: z.number() }),
      kind: 'query',
    },
  },
});

/** Records: created and updated by casts, read by calls. `op` numbers every change, so that the books can be checked. */
export const users = contract('users', {
  methods: {
    create: { input: z.object({ op: z.number(), id: z.number(), name: z.string(), email: z.string() }) },
    update: { input: z.object({ op: z.number(), id: z.number(), plan: z.string() }) },
    get: {
      input: z.object({ id: z.number() }),
      output: z.object({ name: z.string(), email: z.string(), plan: z.string(), by: z.number() }),
      kind: 'query',
    },
  },
});

/**
 * The database of this tour, in the caller's process: it outlives a killed service. It also keeps the books: which
 * process began which change, and which finished it.
 */
export const ledger = contract('ledger', {
  methods: {
    begin: { input: z.object({ op: z.number(), by: z.number() }) },
    finish: {
      input: z.object({
        op: z.number(),
        by: z.number(),
        id: z.number(),
        change: z.object({ name: z.string(), email: z.string(), plan: z.string() }).partial(),
      }),
    },
    read: {
      input: z.object({ id: z.number() }),
      output: z.object({ name: z.string(), email: z.string(), plan: z.string() }),
      kind: 'query',
    },
  },
});
