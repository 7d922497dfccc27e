/** A service process of the crash tests of keyed actors. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actor, createNode } from 'homeostat';
import { audit, EMPTY, ledger, PARTITIONS, TOLD_EVERY } from './keyed-work.ts';
import { BEAT } from './work.ts';

const { REDIS_URL: url = '', NAMESPACE: namespace = '', NAME: name = '' } = process.env;

let ready = false;
const node = await createNode({ redis: url, namespace, name, beat: BEAT });
await node.serve(
  actor(
    ledger,
    {
      apply: async ({ n, ms, how }, ctx) => {
        const { last, count, faults } = ctx.state.get() ?? EMPTY;
        if (ms > 0) {
          if (ready) await new Promise((resolve) => process.send?.(`running ${ctx.key} ${n}`, resolve));
          if (how === 'wait') await sleep(ms);
          else for (const until = performance.now() + ms; performance.now() < until;);
        }
        const noticed = n === last + 1 ? faults : [...faults, `${n} after ${last}`].slice(0, 10);
        ctx.state.set({ last: n, count: count + 1, faults: noticed });
        if (n % TOLD_EVERY === 0) await ctx.client(audit).applied.cast({ key: ctx.key, n });
      },
      read: (_input, ctx) => ctx.state.get() ?? EMPTY,
    },
    { keyed: { partitions: PARTITIONS }, concurrency: 32 },
  ),
);
ready = true;
process.send?.('ready');
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
