import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { sleep } from '../../ground/loop.ts';
import type { ActorNode, NodeOptions } from '../../node/node.ts';
import type { SelectFunction } from '../../balance/strategy.ts';
import { gate, numbers, QUICK_BEAT, refusal, until, type NodeStage, type Promised } from './stage.ts';

const methods = { who: { output: z.string() }, work: {} } as const;
const team = contract('team', { methods });
const crew = contract('crew', { methods });

/** Weights of the nodes by name. */
type Weights = Readonly<Record<string, number>>;

function member(name: string, work: () => Promise<void> | void = () => {}, concurrency = 64): Actor<typeof methods> {
  return actor(team, { who: () => name, work }, { concurrency });
}

/** A node for each name, and one that calls them and knows all of them. */
async function staffed(
  stage: NodeStage,
  weights: Weights,
  settings: NodeOptions = {},
  actorOf: (name: string) => Actor<typeof methods> = member,
): Promise<{ node: ActorNode; nodes: Record<string, ActorNode> }> {
  const nodes: Record<string, ActorNode> = {};
  for (const [name, weight] of Object.entries(weights))
    nodes[name] = await stage.serving(actorOf(name), name, { weight });
  const node = await stage.node('caller', settings);
  await known(node, Object.keys(weights).length);
  return { node, nodes };
}

function known(node: ActorNode, count: number): Promise<unknown> {
  return until(`${count} to be known`, () => node.registry.instances('team').length === count);
}

/** How often each name is among the answers. */
async function counted(answers: readonly Promise<string>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of await Promise.all(answers)) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function balancing(promised: Promised): void {
  promised('three idle nodes take a third each of many equal messages (S0-34)', async (t, stage) => {
    const ran: Record<string, number> = {};
    const { node } = await staffed(
      stage,
      { one: 1, two: 1, three: 1 },
      { services: { team: { maxPending: 3_000 } } },
      (name) =>
        member(
          name,
          async () => {
            ran[name] = (ran[name] ?? 0) + 1;
            await sleep(4);
          },
          16,
        ),
    );
    const api = node.client(team, { timeoutMs: 30_000 });
    await Promise.all(numbers(24).map(() => api.work())); // so that frames are as large as they should be
    for (const name of Object.keys(ran)) ran[name] = 0;
    await Promise.all(numbers(3_000).map(() => api.work()));
    t.is(
      Object.values(ran).reduce((sum, one) => sum + one, 0),
      3_000,
    );
    for (const [name, one] of Object.entries(ran)) t.true(Math.abs(one - 1_000) <= 100, `${name} ran ${one}`);
  });

  promised('of weights 1 and 3 a pull takes 1 and 3 parts (S0-36)', async (t, stage) => {
    const ran = { light: 0, heavy: 0 };
    const { node } = await staffed(stage, { light: 1, heavy: 3 }, {}, (name) =>
      member(
        name,
        async () => {
          ran[name as keyof typeof ran] += 1;
          await sleep(10);
        },
        12,
      ),
    );
    const api = node.client(team, { timeoutMs: 30_000 });
    await Promise.all(numbers(24).map(() => api.work()));
    Object.assign(ran, { light: 0, heavy: 0 });
    await Promise.all(numbers(400).map(() => api.work()));
    t.is(ran.light + ran.heavy, 400);
    t.true(Math.abs(ran.light - 100) <= 15, `light ran ${ran.light}`);
  });

  promised(
    'a second node nearly doubles what is done (S0-40)',
    async (t, stage) => {
      const busy = (name: string): Actor<typeof methods> => member(name, () => sleep(40), 4);
      const { node } = await staffed(stage, { one: 1 }, {}, busy);
      const api = node.client(team, { timeoutMs: 30_000 });
      const round = async (): Promise<number> => {
        const startedAt = performance.now();
        await Promise.all(numbers(64).map(() => api.work()));
        return performance.now() - startedAt;
      };
      await round();
      const alone = Math.min(await round(), await round(), await round());
      await stage.serving(busy('two'), 'two');
      await known(node, 2);
      let together = Infinity;
      // Whoever else uses the machine may spoil a round, not all of them.
      for (let rounds = 0; rounds < 10 && alone / together < 1.8; rounds += 1)
        together = Math.min(together, await round());
      t.true(alone / together >= 1.8, `${alone} ms alone, ${together} ms together`);
    },
    'alone',
  );

  promised('round robin gives each the same of a burst, also when one goes midway (S1-36, S4-11)', async (t, stage) => {
    const { node, nodes } = await staffed(stage, { one: 1, two: 1, three: 1 });
    const api = node.client(team, { balance: 'round_robin', timeoutMs: 20_000 });
    t.deepEqual(await counted(numbers(300).map(() => api.who())), { one: 100, two: 100, three: 100 });
    const before = numbers(90).map(() => api.who());
    const meanwhile: Promise<string>[] = [];
    await Promise.all([
      nodes['two']!.close(),
      until('it to be gone', () => {
        meanwhile.push(api.who());
        return node.registry.instances('team').length === 2;
      }),
    ]);
    await Promise.all([...before, ...meanwhile]);
    t.deepEqual(await counted(numbers(100).map(() => api.who())), { one: 50, three: 50 });
  });

  promised('weighted turns follow the weights of who is there (S4-13)', async (t, stage) => {
    const { node } = await staffed(stage, { one: 1, three: 3 });
    const api = node.client(team, { balance: 'weighted_round_robin' });
    const round = (calls: number): Promise<Record<string, number>> => counted(numbers(calls).map(() => api.who()));
    t.deepEqual(await round(40), { one: 10, three: 30 });
    const four = await stage.serving(member('four'), 'four', { weight: 4 });
    await known(node, 3);
    t.deepEqual(await round(80), { one: 10, three: 30, four: 40 });
    await node.registry.setStatus('team', four.id, 'unhealthy');
    await known(node, 2);
    t.deepEqual(await round(40), { one: 10, three: 30 });
    await node.config.set('team', { weight: 2 });
    await until('that to hold', () => node.registry.instances('team').every(({ weight }) => weight === 2));
    t.deepEqual(await round(40), { one: 20, three: 20 }, 'what is set live holds for all');
    await node.config.set('team', { weight: null });
    await until('it to be taken back', () => node.registry.instances('team').some(({ weight }) => weight === 3));
  });

  promised(
    'a strategy of your own decides, and when its choice has died another is sent to (S0-35)',
    async (t, stage) => {
      const heaviest: SelectFunction = (instances) => instances.toSorted((a, b) => b.weight - a.weight)[0];
      const { node: dying, die } = await stage.mortal('heavy', { weight: 9 });
      await dying.serve(member('heavy'));
      await stage.serving(member('middle'), 'middle', { weight: 5, beat: QUICK_BEAT });
      await stage.serving(member('light'), 'light', { weight: 1, beat: QUICK_BEAT });
      const node = await stage.node('caller', { beat: QUICK_BEAT, strategies: { heaviest } });
      await known(node, 3);
      const api = node.client(team, { balance: 'heaviest', timeoutMs: 20_000 });
      t.deepEqual(await counted(numbers(20).map(() => api.who())), { heavy: 20 });
      await die();
      const rerouted = await counted(numbers(20).map(() => api.who()));
      t.is((rerouted['middle'] ?? 0) + (rerouted['light'] ?? 0), 20);
      await known(node, 2);
      t.deepEqual(await counted(numbers(20).map(() => api.who())), { middle: 20 });
    },
  );

  promised('each service has its own strategy, and one that fails or lies costs no call (S2-30)', async (t, stage) => {
    const services = { team: { balance: 'round_robin' }, crew: { balance: 'last' } };
    const strategies: Readonly<Record<string, SelectFunction>> = {
      last: (instances) => instances.toSorted((a, b) => (a.nodeName < b.nodeName ? -1 : 1)).at(-1),
      throwing: () => {
        throw new Error('no idea');
      },
      lying: ([first]) => first && { ...first, nodeId: 'made-up' },
      silent: () => undefined,
    };
    const { node, nodes } = await staffed(stage, { one: 1, two: 1 }, { services, strategies });
    for (const [name, one] of Object.entries(nodes)) await one.serve(actor(crew, { who: () => name, work: () => {} }));
    await until('both to be known', () => node.registry.instances('crew').length === 2);
    t.deepEqual(await counted(numbers(20).map(() => node.client(team).who())), { one: 10, two: 10 });
    t.deepEqual(await counted(numbers(20).map(() => node.client(crew).who())), { two: 20 });
    for (const balance of ['throwing', 'lying', 'silent']) {
      const api = node.client(team, { balance });
      t.deepEqual(await counted(numbers(10).map(() => api.who())), { one: 5, two: 5 }, balance);
    }
    const wrong: [() => unknown, string][] = [
      [() => node.client(team, { balance: 'fairest' }), 'fairest'],
      [() => stage.node('wrong', { services: { team: { balance: 'fairest' } } }), 'fairest'],
      [() => stage.node('wrong', { defaults: { balance: 'fairest' } }), 'fairest'],
      [() => stage.node('wrong', { strategies: { pull: ([first]) => first } }), 'pull'],
      [() => stage.node('wrong', { strategies: { 'Not Good': ([first]) => first } }), 'Not Good'],
    ];
    for (const [act, name] of wrong) {
      const { code, message } = await refusal(act);
      t.deepEqual([code, message.includes(name)], ['CONFIG', true], message);
    }
  });

  promised('a key goes to one instance, whichever node asks', async (t, stage) => {
    const nodes: ActorNode[] = [];
    for (const name of ['one', 'two', 'three']) nodes.push(await stage.serving(member(name), name));
    for (const node of nodes) await known(node, 3);
    const [here, ...elsewhere] = await Promise.all(
      nodes.map((node) => {
        const api = node.client(team, { balance: 'consistent_hash' });
        return Promise.all(numbers(60).map((n) => api.who(undefined, { key: `key ${n % 20}` })));
      }),
    );
    for (const there of elsewhere) t.deepEqual(there, here);
    t.deepEqual(here!.slice(20), here!.slice(0, 40), 'the same key, the same instance');
    t.is(new Set(here).size, 3);
  });

  promised('a hundred calls to two instances are in flight there, and none afterwards (S4-17)', async (t, stage) => {
    const { opened, open } = gate();
    let running = 0;
    let counts: readonly number[] = [];
    const counting: SelectFunction = (instances, { inFlight }) => {
      counts = instances.map(({ nodeId }) => inFlight(nodeId));
      return instances[0];
    };
    const { node } = await staffed(stage, { one: 1, two: 1 }, { strategies: { counting } }, (name) =>
      member(name, () => ((running += 1), opened)),
    );
    const api = node.client(team, { balance: 'least_connections', timeoutMs: 20_000 });
    const calls = Promise.all(numbers(100).map(() => api.work()));
    await until('all to run', () => running === 100);
    const look = (): readonly number[] => (node.registry.pick('team', { strategy: 'counting' }), counts);
    t.deepEqual(look(), [50, 50]);
    open();
    await calls;
    t.deepEqual(look(), [0, 0]);
  });
}
