import { setTimeout as sleep } from 'node:timers/promises';
import { actor } from 'homeostat';
import { ledger, users } from './contracts.ts';

const by = process.pid;
/** What a mail server or another service would take, ms: so that a killed process has work in its hands. */
const WORK_MS = 5;

/**
 * A handler reports to the ledger before it returns. Killed in between, its message was not settled: it is delivered
 * again, to another process, and reported again. So the ledger hears of every change at least once and counts it once.
 */
export const usersActor = actor(
  users,
  {
    create: async ({ op, id, name, email }, ctx) => {
      const books = ctx.client(ledger);
      await books.begin({ op, by });
      if (email === '') throw new Error(`user ${id} has no e-mail address`); // some never have: these become dead letters
      await sleep(WORK_MS);
      await books.finish({ op, by, id, change: { name, email: email.toLowerCase() } });
    },
    update: async ({ op, id, plan }, ctx) => {
      const books = ctx.client(ledger);
      await books.begin({ op, by });
      await sleep(WORK_MS);
      await books.finish({ op, by, id, change: { plan } });
    },
    get: async ({ id }, ctx) => ({ ...(await ctx.client(ledger).read({ id })), by }),
  },
  { redelivery: { deliveries: 3, delayMs: 200 } },
);
