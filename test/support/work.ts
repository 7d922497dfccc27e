/** The contract that the crash tests exercise. */
import { contract } from 'homeostat';
import { z } from 'zod';

const Job = z.object({
  id: z.string(),
  ms: z.number(),
  /** Waits for `ms`, blocks the event loop for `ms`, or ends the process. */
  how: z.enum(['wait', 'block', 'exit']).default('wait'),
});

export type Job = z.output<typeof Job>;

export const work = contract('work', {
  methods: {
    /** Told: does its job, then it is done. */
    run: { input: Job },
    /** Asked: does its job, then answers its id. */
    ask: { input: Job, output: z.string() },
  },
});

/** A short beat, so that the dead are noticed soon. */
export const BEAT = { intervalMs: 150, ttlMs: 750, stallMs: 500, evictMs: 20_000 } as const;
