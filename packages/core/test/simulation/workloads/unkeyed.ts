/** Casts and calls to actors that any node may run; some fail a few times before they succeed, some always do. */
import { actor } from '../../../src/contract/actor.ts';
import { contract } from '../../../src/contract/contract.ts';
import type { Workload } from '../plan.ts';
import { makeTask, outcomeOf, ran, ranSchema, REDELIVERY, taskSchema, type Ran, type Task } from '../requests.ts';

const [input, output] = [taskSchema, ranSchema];

const work = contract('work', {
  methods: { run: { input }, ask: { input, output }, look: { input, output, kind: 'query' } },
});

export const unkeyed: Workload = {
  name: 'unkeyed',
  contracts: [work],
  actors: ({ history, member, concurrency }) => {
    const handle = (about: Task, ctx: { messageId: string; attempt: number }): Promise<Ran> =>
      ran({ history, member: member() }, about, ctx);
    return [
      actor(
        work,
        { run: async (about, ctx) => void (await handle(about, ctx)), ask: handle, look: handle },
        { concurrency, redelivery: REDELIVERY },
      ),
    ];
  },
  op: (op, chance) => {
    const method = chance.pick(['run', 'run', 'run', 'ask', 'ask', 'look'] as const);
    const delivery = chance.pick(['auto', 'remote', 'remote'] as const);
    const delayMs = chance.happens(0.1) ? chance.below(1_000) : undefined;
    const timeoutMs = chance.pick([300, 2_000, 5_000]);
    const about = makeTask(op, chance);
    return {
      send: async (process, history) => {
        const api = process.node!.client(work, { delivery, timeoutMs });
        const kind = method === 'run' ? 'cast' : 'call';
        history.add({ type: 'sent', op, kind, by: process.name, timeoutMs });
        await outcomeOf(history, op, () =>
          method === 'run' ? api.run.cast(about, delayMs === undefined ? undefined : { delayMs }) : api[method](about),
        );
      },
    };
  },
};
