import { contract } from 'homeostat';
import { z } from 'zod';

/** Quick enough for a test, slow enough for a busy machine. */
export const QUICK = { intervalMs: 200, ttlMs: 1_500 };

export const echo = contract('echo', {
  methods: {
    who: { output: z.string(), kind: 'query' },
    slow: { input: z.number(), output: z.string(), kind: 'query' },
    fail: { kind: 'query', retry: false },
  },
});
