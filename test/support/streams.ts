/** What the tests of streams between processes share: the contract, and what the processes say of themselves. */
import { contract } from 'homeostat';
import { z } from 'zod';

export const feed = contract('feed', {
  methods: {
    /** Without end, as fast as it is read. */
    numbers: { yields: z.number() },
    /** Until its signal aborts. */
    wait: { input: z.string(), output: z.string() },
    ask: { input: z.string(), output: z.string() },
    tell: { input: z.string() },
  },
});

/** A short beat, so that the dead are noticed soon. */
export const BEAT = { intervalMs: 150, ttlMs: 750, stallMs: 500, evictMs: 20_000 } as const;

/** What a process of these tests says. */
export interface Said {
  readonly what: string;
  /** Of whatever it is about. */
  readonly text: string;
}
