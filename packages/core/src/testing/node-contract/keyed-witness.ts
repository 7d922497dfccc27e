import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract, type Contract } from '../../contract/contract.ts';
import type { ActorOptions } from '../../node/options.ts';

type Methods = { readonly add: typeof add; readonly ask: typeof ask };

const add: { readonly input: z.ZodNumber } = { input: z.number() };
const ask: { readonly input: z.ZodNumber; readonly output: z.ZodNumber } = { input: z.number(), output: z.number() };
export const tally: Contract<Methods, undefined> = contract('tally', { methods: { add, ask } });

/** What keyed actors of one test have done, whichever node they run on. */
export class Witness {
  readonly done: Map<string, number[]> = new Map();
  readonly running: Map<string, number> = new Map();
  /** Keys of which two messages ran at once. */
  readonly overlaps: string[] = [];

  actor(
    partitions: number,
    work: (n: number, key: string) => Promise<void> | void = () => {},
    options: ActorOptions = {},
  ): Actor<Methods, undefined> {
    const handle = async (n: number, key: string): Promise<void> => {
      const running = (this.running.get(key) ?? 0) + 1;
      this.running.set(key, running);
      if (running > 1) this.overlaps.push(key);
      try {
        await work(n, key);
        this.done.set(key, [...(this.done.get(key) ?? []), n]);
      } finally {
        this.running.set(key, (this.running.get(key) ?? 1) - 1);
      }
    };
    return actor(
      tally,
      {
        add: (n, ctx) => handle(n, ctx.key ?? ''),
        ask: async (n, ctx) => {
          await handle(n, ctx.key ?? '');
          return n;
        },
      },
      { keyed: { partitions }, redelivery: { deliveries: 4, delayMs: 5 }, ...options },
    );
  }

  get total(): number {
    return [...this.done.values()].reduce((sum, { length }) => sum + length, 0);
  }
}
