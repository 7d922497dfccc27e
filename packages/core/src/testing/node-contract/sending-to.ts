import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { gate, numbers, QUICK_BEAT, rejection, SLOW_BEAT, until, type Promised } from './stage.ts';

const methods = { who: { output: z.string() }, hold: { output: z.string() }, tell: { input: z.number() } } as const;
const work = contract('work', { methods });
const nobody = contract('nobody', { methods: { ask: {} } });

interface Worker {
  /** What `tell` was told. */
  readonly told: number[];
  readonly actor: Actor<typeof methods>;
}

/** Answers its name; `hold` does so once `held` is over. */
function worker(name: string, held: Promise<void> = Promise.resolve(), holding: () => void = () => {}): Worker {
  const told: number[] = [];
  return {
    told,
    actor: actor(work, {
      who: () => name,
      hold: () => {
        holding();
        return held.then(() => name);
      },
      tell: (n) => void told.push(n),
    }),
  };
}

function known(node: ActorNode, count: number): Promise<unknown> {
  return until(`${count} to be known`, () => node.registry.instances('work').length === count);
}

export function sendingTo(promised: Promised): void {
  promised('a request for one node is handled there, and elsewhere only when it is not there', async (t, stage) => {
    const [one, two] = [worker('one'), worker('two')];
    await stage.serving(one.actor, 'one');
    const second = await stage.serving(two.actor, 'two');
    const node = await stage.node('caller');
    const api = node.client(work, { node: second.id, timeoutMs: 10_000 });
    t.deepEqual(
      await Promise.all(numbers(10).map(() => api.who())),
      numbers(10).map(() => 'two'),
    );
    await Promise.all(numbers(50).map((n) => api.tell.cast(n)));
    await until('all to be told', () => two.told.length === 50);
    t.deepEqual(one.told, []);
    for (const wish of [{ node: second.id }, { tags: ['eu'] }]) {
      const delayed = await rejection(api.tell.cast(1, { delayMs: 10, ...wish }));
      t.is(delayed.code, 'CONFIG', 'what is due later is for nobody in particular');
    }
    await second.close();
    t.is(await api.who(), 'one');
    t.is(await api.who(undefined, { node: 'nobody-knows' }), 'one');
  });

  promised('a node that closes with requests for it under way leaves them to the other', async (t, stage) => {
    const { opened, open } = gate();
    let holding = 0;
    const leaving = await stage.serving(worker('leaving', opened, () => (holding += 1)).actor, 'leaving');
    const staying = worker('staying');
    await stage.serving(staying.actor, 'staying');
    const node = await stage.node('caller');
    const api = node.client(work, { timeoutMs: 20_000, node: leaving.id });
    const held = numbers(4).map(() => api.hold());
    await until('them to run', () => holding === 4);
    const closed = leaving.close({ drainMs: 10_000 });
    const later = Promise.all(numbers(20).map(() => api.who()));
    t.deepEqual(
      await later,
      numbers(20).map(() => 'staying'),
    );
    await Promise.all(numbers(20).map((n) => api.tell.cast(n)));
    await until('all to be told', () => staying.told.length === 20);
    open();
    t.deepEqual(
      await Promise.all(held),
      numbers(4).map(() => 'leaving'),
      'what runs finishes',
    );
    await closed;
    t.is((await node.depth(work)).messages, 0);
  });

  promised(
    'what a node that died was sent is handled by another, with the same tags (S0-35, S4-06)',
    async (t, stage) => {
      const never = gate();
      const production = ['production'];
      const { node: dying, die } = await stage.mortal('dying', { tags: production });
      let holding = 0;
      await dying.serve(worker('dying', never.opened, () => (holding += 1)).actor);
      const staging = worker('staging');
      await stage.serving(staging.actor, 'staging', { tags: ['staging'], beat: QUICK_BEAT });
      const node = await stage.node('caller', { beat: QUICK_BEAT });
      await known(node, 2);
      const api = node.client(work, { timeoutMs: 20_000, tags: production });
      const held = api.hold();
      await until('it to run', () => holding === 1);
      await stage.serving(worker('heir').actor, 'heir', { tags: ['eu', 'production'], beat: QUICK_BEAT });
      await die();
      t.is(await held, 'heir');
      await until('the dead to be known', () => node.registry.instances('work').length === 2);
      t.is(staging.told.length, 0);
    },
  );

  promised(
    'what is for a tag never runs on a node without, and is refused where none has it (S4-06)',
    async (t, stage) => {
      const [staging, production] = [worker('staging'), worker('production')];
      await stage.serving(staging.actor, 'staging', { tags: ['staging'] });
      const tagged = await stage.serving(production.actor, 'production', { tags: ['production', 'eu'] });
      const node = await stage.node('caller');
      await known(node, 2);
      const api = node.client(work, { tags: ['production'], timeoutMs: 10_000 });
      t.deepEqual(
        await Promise.all(numbers(20).map(() => api.who())),
        numbers(20).map(() => 'production'),
      );
      await Promise.all(numbers(20).map((n) => api.tell.cast(n)));
      await until('all to be told', () => production.told.length === 20);
      t.is(await api.who(undefined, { tags: ['production', 'eu'] }), 'production');
      t.is((await rejection(api.who(undefined, { tags: ['production', 'us'] }))).code, 'NO_HEALTHY_INSTANCES');
      await tagged.close();
      await known(node, 1);
      const startedAt = performance.now();
      const refused = await rejection(api.who());
      t.is(refused.code, 'NO_HEALTHY_INSTANCES');
      t.is(refused.outcome, 'not-executed');
      t.true(refused.message.includes('production'), refused.message);
      t.is((await rejection(api.tell.cast(1))).code, 'NO_HEALTHY_INSTANCES');
      t.true(performance.now() - startedAt < 1_000, 'at once');
      t.deepEqual(staging.told, []);
    },
  );

  promised(
    'what is marked by a third takes nothing more, until it is marked well; with nobody left it is refused (S0-31, S2-29)',
    async (t, stage) => {
      const beat = SLOW_BEAT;
      const [one, two] = [worker('one'), worker('two')];
      const first = await stage.serving(one.actor, 'one', { beat });
      const second = await stage.serving(two.actor, 'two', { beat });
      const node = await stage.node('caller', { beat });
      const api = node.client(work, { timeoutMs: 20_000 });
      await known(node, 2);
      const startedAt = performance.now();
      await node.registry.setStatus('work', first.id, 'unhealthy', { reason: 'by hand' });
      await until('the mark to be seen there', () => first.registry.markOf('work', first.id) !== undefined);
      t.true(performance.now() - startedAt < beat.intervalMs, 'it did not wait for a beat');
      t.deepEqual(
        await Promise.all(numbers(50).map(() => api.who())),
        numbers(50).map(() => 'two'),
      );
      const [seen] = node.registry.instances('work', { status: 'unhealthy' });
      t.deepEqual([seen?.nodeId, seen?.reason], [first.id, 'by hand']);
      await node.registry.setStatus('work', first.id, 'healthy');
      await until('it to take part again', async () => (await api.who()) === 'one');
      for (const { id } of [first, second]) await node.registry.setStatus('work', id, 'unhealthy');
      await known(node, 0);
      const refused = await rejection(node.client(work, { balance: 'round_robin', timeoutMs: 20_000 }).who());
      t.deepEqual([refused.code, refused.outcome], ['NO_HEALTHY_INSTANCES', 'not-executed']);
      t.true(refused.message.startsWith('work: '));
      const named = api.who(undefined, { node: first.id });
      await until('what names one to wait for it', async () => (await node.depth(work)).messages === 1);
      await node.registry.setStatus('work', first.id, undefined);
      t.is(await named, 'one');
    },
  );

  promised('a mark by hand is out of every routing within a beat, in 50 trials (S4-23)', async (t, stage) => {
    const beat = { intervalMs: 1_000, ttlMs: 20_000 };
    const server = await stage.serving(worker('one').actor, 'one', { beat });
    const node = await stage.node('caller', { beat });
    await known(node, 1);
    const took: number[] = [];
    for (const status of numbers(50).flatMap(() => ['unhealthy', 'healthy'] as const)) {
      const startedAt = performance.now();
      await server.registry.setStatus('work', server.id, status);
      await known(node, status === 'healthy' ? 1 : 0);
      if (status === 'unhealthy') took.push(performance.now() - startedAt);
    }
    t.true(Math.max(...took) < beat.intervalMs, `the longest took ${Math.max(...took)} ms`);
  });

  promised('failFast tells at once what else would wait for somebody (S0-32, S0-44)', async (t, stage) => {
    const node = await stage.node('caller');
    const fast = node.client(nobody, { failFast: true, timeoutMs: 20_000 });
    const startedAt = performance.now();
    t.is((await rejection(fast.ask())).code, 'SERVICE_NOT_FOUND');
    t.true(performance.now() - startedAt < 50);
    t.is((await rejection(node.client(nobody, { timeoutMs: 100 }).ask())).code, 'CALL_TIMEOUT');
    const server = await stage.serving(worker('one').actor, 'one');
    await known(node, 1);
    t.is(await node.client(work, { failFast: true }).who(), 'one');
    await server.close();
    await known(node, 0);
    t.is((await rejection(node.client(work, { failFast: true }).who())).code, 'NO_HEALTHY_INSTANCES');
    const waiting = node.client(work, { timeoutMs: 20_000 }).who();
    await stage.serving(worker('late').actor, 'late');
    t.is(await waiting, 'late');
  });
}
