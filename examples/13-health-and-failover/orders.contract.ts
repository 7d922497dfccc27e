import { contract } from 'homeostat';
import { z } from 'zod';

export const orders = contract('orders', {
  methods: {
    place: { input: z.object({ order: z.number(), workMs: z.number() }), output: z.object({ by: z.string() }) },
  },
});
