import { contract } from 'homeostat';
import { z } from 'zod';

/** The work, served by every service process. */
export const jobs = contract('jobs', {
  methods: { run: { input: z.object({ job: z.number() }) } },
});

/** Where the services report what they have done; served by the process that hands out the work. */
export const tally = contract('tally', {
  methods: { done: { input: z.object({ job: z.number(), by: z.string() }) } },
});
