/** The contract that the crash tests exercise. */
import { contract } from 'homeostat';
import { z } from 'zod';

const Job = z.object({ id: z.string(), ms: z.number() });

export const work = contract('work', {
  methods: {
    /** Told: sleeps `ms`, then it is done. */
    run: { input: Job },
    /** Asked: sleeps `ms`, then answers its id. */
    ask: { input: Job, output: z.string() },
  },
});

/** A short beat, so that the dead are noticed soon. */
export const BEAT = { intervalMs: 150, ttlMs: 750, stallMs: 500, evictMs: 20_000 } as const;
