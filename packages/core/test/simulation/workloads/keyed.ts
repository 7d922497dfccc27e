/**
 * Casts and calls to few keys of a keyed actor. Each is added to the state of its key, and some are sent on with it: what is
 * in the state, and in which order, is what has been applied.
 */
import { z } from 'zod';
import { actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import type { History } from '../history.ts';
import type { Workload } from '../plan.ts';
import type { Process } from '../process.ts';
import { makeTask, outcomeOf, ran, ranSchema, REDELIVERY, taskSchema, type Ran, type Task } from '../requests.ts';

const [input, output] = [z.object({ op: z.string(), task: taskSchema, sendOn: z.boolean() }), ranSchema];
const applied = z.array(z.string());

const ledger = contract('ledger', {
  state: applied,
  methods: { put: { input }, add: { input, output }, show: { output: applied, kind: 'query' } },
});
const audit = contract('audit', { methods: { note: { input: taskSchema } } });

const KEYS = ['ann', 'bob', 'cy', 'dee'];
const PARTITIONS = 3;
/** For the last look, ms. */
const SHOW_MS = 20_000;

export const keyed: Workload = {
  name: 'keyed',
  contracts: [ledger, audit],
  actors: ({ history, member, concurrency }) => {
    type Ctx = { readonly messageId: string; readonly attempt: number; readonly key: string | undefined };
    const handle = (task: Task, ctx: Ctx): Promise<Ran> => ran({ history, member: member() }, task, ctx);
    return [
      actor(
        ledger,
        {
          put: async ({ op, task, sendOn }, ctx) => {
            ctx.state.set([...(ctx.state.get() ?? []), op]);
            if (sendOn) await ctx.client(audit).note.cast({ op: onwardsOf(op), ms: 0, fails: 0 });
            await handle(task, ctx);
          },
          add: async ({ op, task }, ctx) => {
            const answer = await handle(task, ctx);
            ctx.state.set([...(ctx.state.get() ?? []), op]);
            return answer;
          },
          show: (_, ctx) => ctx.state.get() ?? [],
        },
        { concurrency, redelivery: REDELIVERY, keyed: { partitions: PARTITIONS } },
      ),
      actor(
        audit,
        { note: async (task, ctx) => void (await handle(task, ctx)) },
        { concurrency, redelivery: REDELIVERY },
      ),
    ];
  },
  op: (op, chance) => {
    const key = chance.pick(KEYS);
    const kind = chance.pick(['cast', 'cast', 'call'] as const);
    const timeoutMs = chance.pick([300, 2_000, 5_000]);
    const task = makeTask(op, chance);
    const sendOn = kind === 'cast' && chance.happens(0.4);
    return {
      send: async (process, history) => {
        // A retry would take its place behind what was sent meanwhile.
        const api = process.node!.client(ledger, { timeoutMs, retry: false });
        const onward = sendOn ? onwardsOf(op) : undefined;
        history.add({ type: 'sent', op, kind, by: process.name, timeoutMs, key, turn: turnOf(history), onward });
        const request = { op, task, sendOn };
        await outcomeOf(history, op, () =>
          kind === 'cast' ? api.put.cast(request, { key }) : api.add(request, { key }),
        );
      },
    };
  },
  end: async (process, history) => {
    for (const key of KEYS) history.add({ type: 'state', key, applied: await shown(process, key) });
  },
};

function shown(process: Process, key: string): Promise<readonly string[]> {
  return process.node!.client(ledger, { timeoutMs: SHOW_MS }).show(undefined, { key });
}

function onwardsOf(op: string): string {
  return `${op}>`;
}

/** Grows with all that was sent. */
function turnOf({ happenings }: History): number {
  return happenings.length;
}
