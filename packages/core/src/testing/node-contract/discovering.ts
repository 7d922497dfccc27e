import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import type { Backend, Link, Members } from '../../backend.ts';
import { contract } from '../../contract/contract.ts';
import type { NodeEvents } from '../../node/events.ts';
import type { ActorNode, NodeOptions } from '../../node/node.ts';
import type { NodeReport, NodeVitals } from '../../ports/report.ts';
import type { ServeOptions } from '../../serving/serve.ts';
import { numbers, QUICK_BEAT, refusal, rejection, SLOW_BEAT, until, type Promised } from './stage.ts';

const methods = { who: { output: z.string() }, tell: { input: z.number() } } as const;
const things = contract('things', { version: '1.2.3', methods });

function naming(name: string, told: number[] = []): Actor<typeof methods> {
  return actor(things, { who: () => name, tell: (n) => void told.push(n) });
}

function count(node: ActorNode): number {
  return node.registry.instances('things').length;
}

export function discovering(promised: Promised): void {
  promised('a third node is seen by every node long before the next beat (S0-28)', async (t, stage) => {
    const beat = SLOW_BEAT;
    const nodes = [
      await stage.serving(naming('one'), 'one', { beat }),
      await stage.serving(naming('two'), 'two', { beat }),
      await stage.node('caller', { beat }),
    ];
    await until('two to be known', () => nodes.every((node) => count(node) === 2));
    const startedAt = performance.now();
    nodes.push(await stage.serving(naming('three'), 'three', { beat }));
    await until('three to be known', () => nodes.every((node) => count(node) === 3));
    t.true(performance.now() - startedAt < beat.intervalMs);
  });

  promised('what is said of an instance is seen and asked for elsewhere (S1-03, S1-05, S4-02)', async (t, stage) => {
    const server = await stage.node('server', { tags: ['eu'], meta: { region: 'us-west-2', team: 'a' } });
    await server.serve(naming('server'), { tags: ['gpu'], meta: { team: 'b' }, weight: '2.5' });
    const node = await stage.node('caller');
    const [seen, ...more] = await node.registry.discover('things', { meta: { region: 'us-west-2' } });
    t.deepEqual(more, []);
    t.is(seen?.nodeId, server.id);
    t.is(seen?.version, '1.2.3');
    t.is(seen?.pid, process.pid);
    t.is(seen?.weight, 2.5);
    t.deepEqual(seen?.tags.toSorted(), ['eu', 'gpu']);
    t.deepEqual(seen?.meta, { region: 'us-west-2', team: 'b' });
    t.deepEqual(seen?.methods.toSorted(), ['tell', 'who']);
    t.deepEqual(await node.registry.discover('things', { meta: { region: 'eu-central-1' } }), []);
    t.is((await rejection(node.registry.discover('nothing'))).code, 'SERVICE_NOT_FOUND');
  });

  promised(
    'a registration that is wrong is refused, and nobody sees anything of it (S2-14, S4-02)',
    async (t, stage) => {
      const node = await stage.node('server', {
        tags: numbers(40).map((n) => `node ${n}`),
        meta: { note: 'x'.repeat(2_500) },
      });
      const other = await stage.node('other');
      const wrong: [ServeOptions, string][] = [
        [{ tags: [''] }, 'serve.tags'],
        [{ tags: ['x'.repeat(65)] }, 'serve.tags'],
        [{ tags: ['eu,us'] }, 'serve.tags'],
        [{ tags: [' eu'] }, 'serve.tags'],
        [{ tags: numbers(40).map((n) => `own ${n}`) }, 'serve.tags'], // too many with the node's
        [{ meta: { text: 'x'.repeat(2_500) } }, 'serve.meta'], // too much with the node's
        [{ meta: { text: 'x'.repeat(4_096) } }, 'serve.meta'],
        [{ meta: { n: 1 } as unknown as Record<string, string> }, 'serve.meta'],
        [{ external: 'yes' as unknown as boolean }, 'serve.external'],
        [{ wieght: 1 } as ServeOptions, 'wieght'],
      ];
      for (const [options, path] of wrong) {
        const error = await rejection(node.serve(naming('server'), options));
        t.is(error.code, 'CONFIG');
        t.true(error.message.includes(path), error.message);
      }
      for (const weight of ['heavy', '1e3', '', '-1', 0, -1, Number.NaN, Infinity, null] as number[]) {
        t.is((await rejection(stage.node('wrong', { weight }))).code, 'CONFIG', String(weight));
        t.is((await rejection(node.serve(naming('server'), { weight }))).code, 'CONFIG', String(weight));
      }
      const { members } = await (await stage.link()).membership.members();
      t.deepEqual(
        members.map(({ report }) => (report as NodeReport).serves),
        members.map(() => ({})),
      );
      t.deepEqual(other.registry.services(), []);
    },
  );

  promised(
    'what comes, falls ill, recovers and goes is an event on another node, each once (S1-06, S1-38)',
    async (t, stage) => {
      const node = await stage.node('listener', { beat: SLOW_BEAT });
      const heard: string[] = [];
      const hear =
        (name: string) =>
        ({ service, nodeId, to }: { service: string; nodeId: string; to?: string }): void =>
          void heard.push([name, service, nodeId, to].join(' '));
      for (const name of ['registered', 'deregistered', 'expired'] as const) node.on(name, hear(name));
      const off = node.on('health', (event: NodeEvents['health']) => hear('health')(event));
      const server = await stage.serving(naming('server'), 'server', { beat: SLOW_BEAT });
      const { id } = server;
      await until('it to be heard of', () => heard.length > 0);
      heard.length = 0; // It may have been seen while it started.
      for (const status of ['unhealthy', 'healthy'] as const) {
        await server.registry.setStatus('things', id, status);
        await until(`it to be ${status}`, () => heard.at(-1)?.endsWith(` ${status}`) === true);
      }
      await server.close();
      await until('its end', () => heard.at(-1)?.startsWith('deregistered') === true);
      t.deepEqual(
        heard.filter((event) => !event.endsWith('draining')),
        [`health things ${id} unhealthy`, `health things ${id} healthy`, `deregistered things ${id} `],
      );
      off();
    },
  );

  promised('an instance that is idle for many beats stays listed (S1-06)', async (t, stage) => {
    const beat = { intervalMs: 50, ttlMs: 500 };
    const expired: string[] = [];
    const node = await stage.node('caller', { beat, maxStaleMs: 100 });
    node.on('expired', ({ nodeId }) => expired.push(nodeId));
    await stage.serving(naming('server'), 'server', { beat });
    const startedAt = performance.now();
    await until('twice the time after which silence means death', async () => {
      t.is((await node.registry.discover('things')).length, 1);
      return performance.now() - startedAt > 2 * beat.ttlMs;
    });
    t.deepEqual(expired, []);
  });

  promised(
    'a node that stops is gone at once, and what waits is handled by the other (S1-03, S2-17, S4-07)',
    async (t, stage) => {
      const beat = SLOW_BEAT;
      const told: number[] = [];
      const leaving = await stage.serving(naming('leaving', told), 'leaving', { beat });
      const staying = await stage.serving(naming('staying', told), 'staying', { beat });
      const node = await stage.node('caller', { beat });
      const api = node.client(things, { balance: 'round_robin', timeoutMs: 20_000 });
      await until('both to be known', () => count(node) === 2);
      t.deepEqual((await Promise.all(numbers(2).map(() => api.who()))).toSorted(), ['leaving', 'staying']);
      const telling = Promise.all(numbers(100).map((n) => node.client(things).tell.cast(n)));
      const startedAt = performance.now();
      await leaving.close();
      await until('it to be gone', () => count(node) === 1);
      t.true(performance.now() - startedAt < beat.ttlMs, 'sooner than by its silence');
      t.deepEqual(
        await Promise.all(numbers(20).map(() => api.who())),
        numbers(20).map(() => 'staying'),
      );
      await telling;
      await until('all to be handled', () => told.length === 100);
      await staying.close();
      await until('nobody to be left', () => count(node) === 0);
      await node.client(things).tell.cast(100);
      t.is((await node.depth(things)).messages, 1, 'the mailbox outlives the last instance');
    },
  );

  promised('a node that dies is dropped by all the others, and they are told once (S4-04)', async (t, stage) => {
    const beat = QUICK_BEAT;
    const { node: dying, die } = await stage.mortal('dying');
    await dying.serve(naming('dying'));
    const others = [await stage.node('one', { beat }), await stage.node('two', { beat })];
    const expired: string[] = [];
    for (const node of others) node.on('expired', ({ nodeId }) => expired.push(nodeId));
    await until('it to be known', () => others.every((node) => count(node) === 1));
    await die();
    await until('it to be gone', () => others.every((node) => count(node) === 0));
    t.deepEqual(expired, [dying.id, dying.id]);
    for (const node of others) t.is(await node.health.standing('things', dying.id), 'expired');
  });

  promised('what a node requires must be there before it starts', async (t, stage) => {
    const requires = ['things'];
    const vain = await rejection(stage.node('vain', { requires, requiresTimeoutMs: 100 }));
    t.is(vain.code, 'SERVICE_NOT_FOUND');
    const patient = stage.node('patient', { requires, requiresTimeoutMs: 20_000 });
    await stage.serving(naming('server'));
    t.is(await (await patient).client(things).who(), 'server');
  });

  promised('a member that tells nonsense hurts nobody, and what can be read of it is read', async (t, stage) => {
    await stage.serving(naming('server'), 'server');
    const node = await stage.node('caller');
    const sane = { version: '1.2.3', methods: ['who'], status: 'healthy', weight: 1, tags: [], meta: {} };
    const served = {
      'things@1': { ...sane, weight: Number.NaN },
      'things@2': { ...sane, version: '2.0.0' },
      'others@1': { ...sane, status: 'splendid' },
      'no-version': { ...sane, methods: 'all' },
      __proto__: sane,
    };
    const facts = { name: 'odd', pid: 1, host: 'nowhere', startedAt: 1, status: 'healthy' };
    const vitals = { inFlight: 'many', load: Number.NaN, actors: { 'things@2': { score: 99 } } };
    const reports = [
      { ...facts, serves: served },
      { ...facts, name: 7 },
    ];
    for (const report of reports)
      await stage.link({
        report: () => report as unknown as NodeReport,
        vitals: () => vitals as unknown as NodeVitals,
      });
    await until('the one that can be read', () => count(node) === 2);
    t.deepEqual(
      node.registry.services().map(({ service, versions }) => [service, versions]),
      [['things', { '1.2.3': 1, '2.0.0': 1 }]],
    );
    const late = await stage.node('late');
    for (const caller of [node, late]) {
      const api = caller.client(things, { balance: 'adaptive', timeoutMs: 20_000 });
      t.deepEqual(
        await Promise.all(numbers(4).map(() => api.who())),
        numbers(4).map(() => 'server'),
      );
      t.is((await caller.health.of('things')).isHealthy, true);
    }
  });

  promised('the registry looks at its port: what that tells is what is there (S0-29)', async (t, stage) => {
    const report: NodeReport = {
      name: 'far',
      pid: 1,
      host: 'elsewhere',
      startedAt: 1,
      status: 'healthy',
      serves: {
        'things@1': { version: '1.9.0', methods: ['who'], status: 'healthy', weight: 1, tags: [], meta: {} },
      },
    };
    const node = await stage.node('node', { backend: withMember(stage.backend(), { id: 'far-1', report }) });
    t.deepEqual(
      node.registry.instances('things').map(({ nodeId, version, host }) => [nodeId, version, host]),
      [['far-1', '1.9.0', 'elsewhere']],
    );
    t.is(node.registry.pick('things')?.nodeId, 'far-1');
  });

  promised('register, acquire, release, look up: as a mesh does it (S4-03, S4-16)', async (t, stage) => {
    let counts: readonly number[] = [];
    const watching: NodeOptions = {
      strategies: {
        watching: (instances, { inFlight }) => {
          counts = instances.map(({ nodeId }) => inFlight(nodeId));
          return instances[0];
        },
      },
    };
    const node = await stage.node('node', { ...watching, defaults: { balance: 'round_robin' } });
    await node.serve(naming('node'));
    const { registry } = node;
    t.is((await registry.discover('things'))[0]?.nodeId, node.id);
    t.is(await node.client(things).who(), 'node');
    const look = (): readonly number[] => {
      registry.pick('things', { strategy: 'watching' });
      return counts;
    };
    t.deepEqual(look(), [0]);
    {
      using lease = registry.acquire('things');
      t.is(lease.instance.nodeId, node.id);
      t.deepEqual(look(), [1]);
    }
    t.deepEqual(look(), [0]);
    const forgotten = registry.acquire('things', { ttlMs: 50 });
    t.deepEqual(look(), [1]);
    await until('the lease to end by itself', () => forgotten.ended);
    t.deepEqual(look(), [0]);
    forgotten.close();
    t.deepEqual(look(), [0], 'what has ended does not end again');
    t.is((await refusal(() => registry.acquire('nothing'))).code, 'SERVICE_NOT_FOUND');
    t.is((await refusal(() => registry.acquire('things', { strategy: 'fairest' }))).code, 'CONFIG');
  });
}

/** A backend whose list of members has one more, of somebody whom it does not know. */
function withMember(inner: Backend, member: { readonly id: string; readonly report: NodeReport }): Backend {
  return {
    name: inner.name,
    connect: async (identity) => {
      const link = await inner.connect(identity);
      const { membership } = link;
      const members = async (): Promise<Members> => {
        const { members: known, seq } = await membership.members();
        return { members: [...known, member], seq };
      };
      const grown = new Proxy(membership, {
        get: (target, name) => {
          if (name === 'members') return members;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      return new Proxy(link, {
        get: (target, name) => {
          if (name === 'membership') return grown;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }) satisfies Link;
    },
  };
}
