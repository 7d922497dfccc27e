import { contract } from 'homeostat';
import { z } from 'zod';

export const primes = contract('primes', {
  methods: {
    count: { input: z.object({ below: z.number().int() }), output: z.number(), kind: 'query' },
  },
});
