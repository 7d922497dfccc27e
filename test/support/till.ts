/** The contract that the crash tests of ids use. */
import { contract } from 'homeostat';
import { z } from 'zod';

export const till = contract('till', {
  methods: { pay: { input: z.object({ to: z.string() }), output: z.string() } },
});
