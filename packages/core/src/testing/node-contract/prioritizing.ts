import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { commonPlaces } from '../../serving/ranks.ts';
import type { ActorNode } from '../../node/node.ts';
import { listen } from './alert-stage.ts';
import { gate, numbers, QUICK_BEAT, rejection, until, type Gate, type Promised } from './stage.ts';

const methods = { run: { input: z.string(), output: z.string() } } as const;
const orders = contract('orders', { priorities: true, methods });
const plain = contract('plain', { methods });
type Methods = typeof methods;

/** What waits at the gate has `wait` in its text. */
function waiting(seen: string[], at: Gate, options: { concurrency?: number } = {}): Actor<Methods> {
  return actor(
    orders,
    {
      run: async (text) => {
        seen.push(text);
        if (text.includes('wait')) await at.opened;
        return text;
      },
    },
    options,
  );
}

/** So many casts of one priority, all accepted. */
async function flood(node: ActorNode, text: string, count: number, priority?: 'high' | 'low'): Promise<void> {
  const api = node.client(orders);
  await Promise.all(numbers(count).map((n) => api.run.cast(`${text} ${n}`, { priority })));
}

/** The middle of several times, ms: the machine may be late once. */
async function middle(times: number, act: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const startedAt = performance.now();
    await act();
    taken.push(performance.now() - startedAt);
  }
  return taken.sort((a, b) => a - b)[Math.floor(times / 2)]!;
}

export function prioritizing(promised: Promised): void {
  promised(
    'behind 10,000 queued messages a high call, a ping and an alert do not wait (S0-49, S3-37)',
    async (t, stage) => {
      const server = await stage.serving(
        actor(orders, {
          run: async (text) => {
            if (text.startsWith('normal')) await new Promise((resolve) => setTimeout(resolve, 10));
            return text;
          },
        }),
        'server',
        { alerts: { sources: false } },
      );
      const caller = await stage.node('caller', { alerts: { sources: false } });
      const ear = listen(server, {});
      const api = caller.client(orders);
      await flood(caller, 'normal', 10_000);
      const highMs = await middle(5, () => api.run('urgent', { priority: 'high' }));
      const pingMs = await middle(5, () => caller.health.run('orders'));
      const raisedAt = performance.now();
      await caller.pain({ kind: 'fire', severity: 'critical', message: 'it burns' });
      await until('the alert', () => ear.told.length > 0);
      const alertMs = performance.now() - raisedAt;
      const { messages } = await caller.depth(orders);
      t.true(messages > 1_000, `much waits still: ${messages}`);
      t.true(highMs < 100, `a high call took ${highMs} ms`);
      t.true(pingMs < 100, `a ping took ${pingMs} ms`);
      t.true(alertMs < 1_000, `an alert took ${alertMs} ms`);
    },
  );

  promised('a pool full of low work has room for a high call, and for a ping (S4-44)', async (t, stage) => {
    const seen: string[] = [];
    const held = gate();
    const server = await stage.serving(waiting(seen, held, { concurrency: 10 }));
    const caller = await stage.node('caller');
    await flood(caller, 'low wait', 40, 'low');
    await until('the common places to be taken', () => seen.length === commonPlaces(10));
    t.is(await caller.client(orders).run('urgent', { priority: 'high' }), 'urgent');
    await caller.health.run('orders');
    t.is(seen.length, commonPlaces(10) + 1, 'nothing low has taken the place that is kept');
    t.is(server.stats().inFlight, commonPlaces(10));
    held.open();
    await until('all', () => seen.length === 41);
  });

  promised('what is low has a turn now and then, however much there is of the rest', async (t, stage) => {
    const seen: string[] = [];
    const held = gate();
    const node = await stage.serving(waiting(seen, held, { concurrency: 1 }));
    await node.client(orders).run.cast('wait');
    await until('the only place to be taken', () => seen.length === 1);
    await Promise.all([flood(node, 'low', 4, 'low'), flood(node, 'high', 300, 'high')]);
    held.open();
    await until('all', () => seen.length === 305);
    const lows = seen.flatMap((text, index) => (text.startsWith('low') ? [index] : []));
    t.true(lows[0]! < 150, `the first low one had turn ${lows[0]}`);
    t.true(lows.at(-1)! < 300, `the last low one had turn ${lows.at(-1)}`);
    const highs = seen.slice(1, 18).filter((text) => text.startsWith('high')).length;
    t.true(highs >= 13, `of the first 17 starts ${highs} were high`);
  });

  promised('a priority needs a contract that has them', async (t, stage) => {
    const node = await stage.serving(actor(plain, { run: (text) => text }));
    const error = await rejection(node.client(plain).run('x', { priority: 'high' }));
    t.is(error.code, 'CONFIG');
    t.true(error.message.includes('priorities: true'));
    t.is((await rejection(node.client(plain).run.cast('x', { priority: 'low' }))).code, 'CONFIG');
    t.is(await node.client(plain).run('x'), 'x');
    await node.serve(actor(orders, { run: (text) => text }));
    const here = node.client(orders, { delivery: 'local' });
    t.is(await here.run('x', { priority: 'low' }), 'x', 'in this process there are no lines');
  });

  promised('dead letters and depth are those of all lines', async (t, stage) => {
    const seen: string[] = [];
    let ill = true;
    const node = await stage.serving(
      actor(orders, {
        run: (text) => {
          if (ill) throw Object.assign(new Error('no'), { code: 'NO' });
          seen.push(text);
          return text;
        },
      }),
    );
    const api = node.client(orders);
    for (const priority of ['high', 'normal', 'low'] as const) await api.run.cast(priority, { priority });
    const letters = node.deadLetters(orders);
    await until('the dead letters', async () => (await letters.list()).length === 3);
    t.is((await node.depth(orders)).dead, 3);
    const all = await letters.list();
    const paged = [];
    for (let after: string | undefined; ;) {
      const [letter] = await letters.list({ limit: 1, ...(after === undefined ? undefined : { after }) });
      if (letter === undefined) break;
      paged.push(letter.id);
      after = letter.id;
    }
    t.deepEqual(
      paged,
      all.map(({ id }) => id),
    );
    t.is(await letters.drop(all.find(({ input }) => input === 'low')?.id ?? ''), true);
    ill = false;
    t.is(await letters.replayAll(), 2);
    await until('the replayed', () => seen.length === 2);
    t.deepEqual(seen.sort(), ['high', 'normal']);
    t.is((await rejection(letters.drop('1-0.0.1!none'))).code, 'CONFIG');
  });

  promised('a call for one node keeps its priority', async (t, stage) => {
    const seen: string[] = [];
    const held = gate();
    const server = await stage.serving(waiting(seen, held, { concurrency: 4 }));
    const caller = await stage.node('caller');
    const api = caller.client(orders, { node: server.id });
    await Promise.all(numbers(12).map((n) => api.run.cast(`low wait ${n}`, { priority: 'low' })));
    await until('the common places to be taken', () => seen.length === commonPlaces(4));
    t.is(await api.run('urgent', { priority: 'high' }), 'urgent');
    held.open();
    await until('all', () => seen.length === 13);
  });

  promised('what a dead node had in hand, of every line, is handled by others', async (t, stage) => {
    const seen: string[] = [];
    const held = gate();
    const { node, die } = await stage.mortal('mortal');
    await node.serve(waiting([], held, { concurrency: 8 }));
    const caller = await stage.node('caller', { beat: QUICK_BEAT });
    for (const priority of ['high', undefined, 'low'] as const) await flood(caller, `${priority} wait`, 10, priority);
    await until('much in hand', () => node.stats().inFlight >= 7);
    await die();
    const opened = gate();
    opened.open();
    await caller.serve(waiting(seen, opened));
    await until('all', () => new Set(seen).size === 30);
    held.open();
    t.is((await caller.deadLetters(orders).list()).length, 0);
  });

  promised('an actor that is served no more hands back what every line has brought', async (t, stage) => {
    const seen: string[] = [];
    const held = gate();
    const first = await stage.serving(waiting(seen, held, { concurrency: 4 }), 'first');
    await flood(first, 'low wait', 20, 'low');
    await until('some to run', () => seen.length === commonPlaces(4));
    const gone = first.unserve(orders, { drainMs: 5_000 });
    held.open();
    await gone;
    const opened = gate();
    opened.open();
    await stage.serving(waiting(seen, opened), 'second');
    await until('all', () => new Set(seen).size === 20);
    t.is(seen.length, 20, 'none twice');
  });
}
