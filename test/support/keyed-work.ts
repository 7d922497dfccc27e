/** What the crash tests of keyed actors exercise: a ledger that notices when a message comes twice, or not in its order. */
import { contract } from 'homeostat';
import { z } from 'zod';

const Page = z.object({
  /** Number of the last message that was applied. */
  last: z.number(),
  count: z.number(),
  /** What came when something else was due. */
  faults: z.array(z.string()),
});

export type Page = z.output<typeof Page>;
export const EMPTY: Page = { last: -1, count: 0, faults: [] };

export const ledger = contract('ledger', {
  state: Page,
  methods: {
    apply: {
      input: z.object({ n: z.number(), ms: z.number().default(0), how: z.enum(['wait', 'block']).default('wait') }),
    },
    read: { output: Page },
  },
});

/** Told of some of what was applied, by casts that leave with the state. */
export const audit = contract('audit', {
  methods: { applied: { input: z.object({ key: z.string(), n: z.number() }) } },
});

/** Every so many messages of a key one is told to `audit`. */
export const TOLD_EVERY = 10;
export const PARTITIONS = 32;
