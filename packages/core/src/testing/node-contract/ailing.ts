import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { numbers, refusal, rejection, SLOW_BEAT, until, type Promised } from './stage.ts';

const methods = { who: { output: z.string(), retry: false } } as const;
const bridge = contract('bridge', { methods });

function naming(name: string, ask: () => void = () => {}): Actor<typeof methods> {
  return actor(bridge, {
    who: () => {
      ask();
      return name;
    },
  });
}

function statusOf(node: ActorNode, nodeId: string): string | undefined {
  return node.registry.instances('bridge', { status: 'any' }).find((one) => one.nodeId === nodeId)?.status;
}

function seen(nodes: readonly ActorNode[], of: ActorNode, status: string): Promise<unknown> {
  return until(`${of.name} to be ${status}`, () => nodes.every((node) => statusOf(node, of.id) === status));
}

/** So often, so that a test need not wait. */
const OFTEN = { service: 'bridge', intervalMs: 20, errorIntervalMs: 20 } as const;

export function ailing(promised: Promised): void {
  promised(
    'an instance starts when its check has passed, and every turn is seen by all within two beats (S2-15, S2-03, S1-38)',
    async (t, stage) => {
      const beat = SLOW_BEAT;
      let well = false;
      let runs = 0;
      const server = await stage.node('server', { beat });
      const others = [await stage.node('one', { beat }), await stage.node('two', { beat })];
      const turns: string[] = [];
      others[0]!.on('health', ({ service, nodeId, from, to }) =>
        turns.push(`${service} ${nodeId === server.id}: ${from} → ${to}`),
      );
      server.health.check('outside', () => well, { ...OFTEN, failureThreshold: 3 });
      await server.serve(naming('server', () => (runs += 1)));
      await until('it to be unhealthy or starting', () =>
        others.every((node) => ['starting', 'unhealthy'].includes(statusOf(node, server.id) ?? '')),
      );
      for (const good of [true, false, true]) {
        const startedAt = performance.now();
        well = good;
        await seen(others, server, good ? 'healthy' : 'unhealthy');
        t.true(performance.now() - startedAt < 2 * beat.intervalMs);
      }
      const told = ['healthy → unhealthy', 'unhealthy → healthy'].map((turn) => `bridge true: ${turn}`);
      t.deepEqual(turns.slice(-2), told);
      t.deepEqual(
        turns.filter((turn, index) => turn === turns[index - 1]),
        [],
      );
      t.is(runs, 0, 'a check is no work of the service');
      t.is(await others[0]!.client(bridge).who(), 'server');
      t.is(runs, 1);
    },
  );

  promised('two instances have each a status of their own, for all to see (S2-19)', async (t, stage) => {
    let well = true;
    const one = await stage.serving(naming('one'), 'one');
    const two = await stage.serving(naming('two'), 'two');
    const node = await stage.node('caller');
    const off = one.health.check('outside', () => well, { ...OFTEN, failureThreshold: 1 });
    two.health.check('outside', () => true, OFTEN);
    await seen([node, one, two], one, 'healthy');
    well = false;
    await seen([node, one, two], one, 'unhealthy');
    for (const by of [node, one, two]) t.is(statusOf(by, two.id), 'healthy');
    const record = await node.health.of('bridge');
    t.deepEqual([record.isHealthy, record.healthyInstances, record.instances.length], [true, 1, 2]);
    const [ill] = node.registry.instances('bridge', { status: 'unhealthy' });
    t.true(ill?.reason?.includes('outside'), ill?.reason);
    const api = node.client(bridge, { balance: 'round_robin' });
    t.deepEqual(new Set(await Promise.all(numbers(10).map(() => api.who()))), new Set(['two']));
    const pulling = node.client(bridge, { timeoutMs: 20_000 });
    await until('it to claim nothing more', async () => {
      const answers = await Promise.all(numbers(8).map(() => pulling.who()));
      return answers.every((name) => name === 'two');
    });
    well = true;
    await seen([node], one, 'healthy');
    await until('it to take part again', async () => (await pulling.who()) === 'one');
    off();
  });

  promised(
    'a bridge is ill when what it stands for is away, and its breaker opens (S1-04, S1-39)',
    async (t, stage) => {
      // Calls and probes notice one after the other: once the probes have, nobody is called any more.
      const outside = { answers: true, isThere: true };
      let probes = 0;
      let runs = 0;
      const call = (): void => {
        runs += 1;
        if (!outside.answers) throw new Error('connection refused');
      };
      const server = await stage.node('server');
      server.health.check(
        'outside',
        () => {
          probes += 1;
          if (!outside.isThere) throw new Error('connection refused');
        },
        { ...OFTEN, failureThreshold: 3 },
      );
      await server.serve(naming('server', call), { external: true });
      const node = await stage.node('caller', { services: { bridge: { breaker: { failureThreshold: 3 } } } });
      await seen([node], server, 'healthy');
      t.is(node.registry.instances('bridge')[0]?.external, true);
      const api = node.client(bridge);
      t.is(await api.who(), 'server');
      await until('more probes', () => probes > 3);
      t.is(runs, 1, 'probes are no calls');
      outside.answers = false;
      for (const _ of numbers(3)) t.is((await rejection(api.who())).code, 'HANDLER');
      t.is((await rejection(api.who())).code, 'CIRCUIT_OPEN');
      outside.isThere = false;
      await seen([node], server, 'unhealthy');
      t.is(node.registry.pick('bridge'), null);
      const { status, healthyInstances } = await node.health.of('bridge');
      t.deepEqual([status, healthyInstances], ['unhealthy', 0]);
      outside.answers = true;
      outside.isThere = true;
      await seen([node], server, 'healthy');
    },
  );

  promised('a service is checked from another node by a ping through its mailbox', async (t, stage) => {
    let runs = 0;
    const server = await stage.serving(
      naming('server', () => (runs += 1)),
      'server',
    );
    const node = await stage.node('caller');
    await node.health.run('bridge');
    t.is((await rejection(node.health.run('nothing'))).code, 'SERVICE_NOT_FOUND');
    t.is(runs, 0);
    t.is(await node.health.standing('bridge', server.id), 'healthy');
    t.is(await node.health.standing('bridge', 'made-up'), 'unknown');
    t.is((await node.health.overview()).total, 1);
    for (const act of [
      () => node.health.check('', () => true),
      () => node.health.check('nothing', 7 as unknown as () => true),
      () => node.health.check('ping', 'ping'),
      () => node.health.check('often', () => true, { intervalMs: 0 }),
    ])
      t.is((await refusal(act)).code, 'CONFIG');
    await until('it to be ready', () => node.health.readiness().ready);
    node.health.dependsOn(['nothing'], { critical: true });
    await until('it to be missed', () => !node.health.readiness().ready);
  });
}
