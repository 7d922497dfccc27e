/** Several requests of one id, from several processes at once and later: one run among them, and one answer. */
import { actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import type { Workload } from '../plan.ts';
import { makeTask, outcomeOf, ran, ranSchema, REDELIVERY, taskSchema, type Ran, type Task } from '../requests.ts';

const [input, output] = [taskSchema, ranSchema];

const payments = contract('payments', { methods: { pay: { input, output } } });

/** So few that many requests share one. */
const IDS = 8;

export const once: Workload = {
  name: 'once',
  contracts: [payments],
  actors: ({ history, member, concurrency }) => {
    const pay = (task: Task, ctx: { messageId: string; attempt: number }): Promise<Ran> =>
      ran({ history, member: member() }, task, ctx);
    return [actor(payments, { pay }, { concurrency, redelivery: REDELIVERY })];
  },
  op: (op, chance) => {
    const id = `id${chance.below(IDS)}`;
    const kind = chance.pick(['cast', 'call', 'call'] as const);
    const timeoutMs = chance.pick([300, 2_000, 5_000]);
    const task = makeTask(op, chance);
    return {
      send: async (process, history) => {
        const { pay } = process.node!.client(payments, { timeoutMs });
        history.add({ type: 'sent', op, kind, by: process.name, timeoutMs, once: id });
        await outcomeOf(history, op, () => (kind === 'cast' ? pay.cast(task, { id }) : pay(task, { id })));
      },
    };
  },
};
