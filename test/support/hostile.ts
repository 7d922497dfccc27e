/** The contract into whose mailbox mutated frames are thrown. */
import { contract } from 'homeostat';
import { z } from 'zod';

export const hostile = contract('hostile', {
  methods: {
    take: { input: z.object({ id: z.string().max(64) }) },
  },
});

/** Neighbours have ids that no mutation is likely to make. */
export const NEIGHBOUR = 'neighbour-';

/** What the service tells of itself, again and again. */
export interface Said {
  readonly handled: number;
  readonly neighbours: number;
  readonly rssBytes: number;
}
