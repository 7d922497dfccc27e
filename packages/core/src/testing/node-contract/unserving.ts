import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

const work = contract('work', { methods: { run: { input: z.number(), output: z.string(), kind: 'query' } } });

/** Answers with its own name, and notes what it ran. */
function worker(name: string, ran: number[] = [], opened?: Promise<void>, concurrency = 8): Actor<typeof work.methods> {
  return actor(
    work,
    {
      run: async (n) => {
        ran.push(n);
        await opened;
        return name;
      },
    },
    { concurrency },
  );
}

function sees(node: ActorNode, count: number): Promise<unknown> {
  return until(`${count} instances to be seen`, () => node.registry.instances('work').length === count);
}

export function unserving(promised: Promised): void {
  promised(
    'an actor that is served no more is seen by nobody, and nothing is targeted at it (S4-07)',
    async (t, stage) => {
      const leaver = await stage.serving(worker('leaver'), 'leaver');
      await stage.serving(worker('stayer'), 'stayer');
      const caller = await stage.node('caller');
      await sees(caller, 2);
      const api = caller.client(work, { balance: 'round_robin' });
      t.is(new Set(await Promise.all(numbers(6).map((n) => api.run(n)))).size, 2);
      const gone: string[] = [];
      caller.on('deregistered', ({ service, nodeId }) => gone.push(`${service} ${nodeId}`));
      await leaver.unserve(work);
      await sees(caller, 1);
      t.deepEqual(gone, [`work ${leaver.id}`]);
      t.deepEqual(await Promise.all(numbers(6).map((n) => api.run(n))), Array(6).fill('stayer'));
      await sees(leaver, 1);
      t.is(await caller.client(work, { node: leaver.id }).run(1), 'stayer', 'what insists on it goes to another');
      t.true((await leaver.link()).member);
    },
  );

  promised('what runs when its actor is served no more finishes, what waits goes to others', async (t, stage) => {
    const { opened, open } = gate();
    const [here, there]: [number[], number[]] = [[], []];
    const leaver = await stage.serving(worker('leaver', here, opened, 1), 'leaver');
    const caller = await stage.node('caller');
    await sees(caller, 1);
    const api = caller.client(work, { node: leaver.id });
    const first = api.run(0);
    await until('it to run', () => here.length === 1);
    const rest = numbers(5).map((n) => api.run(n + 1));
    const left = leaver.unserve(work);
    await stage.serving(worker('stayer', there), 'stayer');
    t.deepEqual(await Promise.all(rest), Array(5).fill('stayer'));
    t.is((await rejection(leaver.serve(worker('leaver')))).code, 'CONFIG');
    open();
    t.is(await first, 'leaver');
    await left;
    t.deepEqual([here, there.toSorted((a, b) => a - b)], [[0], [1, 2, 3, 4, 5]]);
    t.is(leaver.stats().inFlight, 0);
  });

  promised('what still runs when the time to finish is up is told to stop and handed back', async (t, stage) => {
    let aborted = false;
    let runs = 0;
    const leaver = await stage.serving(
      actor(work, {
        run: async (_n, ctx) => {
          runs += 1;
          if (runs > 1) return 'second';
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
          aborted = true;
          return 'too late';
        },
      }),
      'leaver',
    );
    const caller = await stage.node('caller');
    const answer = caller.client(work).run(1);
    await until('it to run', () => runs === 1);
    await Promise.all([leaver.unserve(work, { drainMs: 20 }), leaver.unserve(work)]);
    t.true(aborted);
    t.is((await rejection(leaver.unserve(work))).code, 'CONFIG');
    await stage.serving(worker('heir'), 'heir');
    t.is(await answer, 'heir');
  });

  promised(
    'an actor that was served no more can be served again, and waits for its messages meanwhile',
    async (t, stage) => {
      const node = await stage.serving(worker('first'), 'server');
      const caller = await stage.node('caller');
      t.is(await caller.client(work).run(1), 'first');
      await node.unserve(work);
      const waiting = caller.client(work).run(2);
      const aimed = caller.client(work, { node: node.id }).run(3);
      await until('both to wait', async () => (await caller.depth(work)).messages === 2);
      await node.serve(worker('second'));
      t.deepEqual(await Promise.all([waiting, aimed]), ['second', 'second']);
    },
  );

  promised('a call in the same process finds no actor that is served no more', async (t, stage) => {
    const node = await stage.serving(worker('local'), 'server');
    const api = node.client(work, { delivery: 'local' });
    t.is(await api.run(1), 'local');
    await node.unserve(work);
    t.is((await rejection(api.run(2))).code, 'NO_HEALTHY_INSTANCES');
  });
}
