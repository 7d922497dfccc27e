import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { SETTINGS } from '../../config/live.ts';
import type { NodeConfig } from '../../node/node.ts';
import { BLIND_BEAT, evict, LATE_BEAT } from './evicting.ts';
import { gate, numbers, refusal, rejection, SLOW_BEAT, until, type Promised } from './stage.ts';

const work = contract('work', { methods: { run: { input: z.number() }, hold: {} } });
type Patch = Parameters<NodeConfig['set']>[1];

const served = actor(work, { run: () => {}, hold: () => {} });

export function configuring(promised: Promised): void {
  promised(
    'what is set on one node holds on every node, is told there once, and later comers have it (S3-11, S2-35)',
    async (t, stage) => {
      const beat = SLOW_BEAT;
      const nodes = [await stage.node('one', { beat }), await stage.node('two', { beat })];
      const told: string[] = [];
      for (const node of nodes)
        node.on('config', ({ service, revision, by }) => told.push(`${node.name}: ${service} ${revision} by ${by}`));
      const startedAt = performance.now();
      const set = await nodes[0]!.config.set('work', { timeoutMs: 70, retry: { attempts: 1 } }, { by: 'ann' });
      t.deepEqual(set, { service: 'work', revision: 1, settings: { timeoutMs: 70, retry: { attempts: 1 } } });
      await until('all to have it', () => nodes.every(({ config }) => config.get('work').revision === 1));
      t.true(performance.now() - startedAt < beat.intervalMs);
      nodes.push(await stage.node('late', { beat }));
      for (const { config } of nodes) {
        t.deepEqual(config.get('work'), set);
        t.is(config.effective('work').timeoutMs, 70);
      }
      for (const node of nodes) t.is((await rejection(node.client(work).hold())).code, 'CALL_TIMEOUT');
      t.deepEqual(told.toSorted(), ['one: work 1 by ann', 'two: work 1 by ann']);
    },
  );

  promised('a bad value is refused, and changes neither revision nor behaviour (S3-11, S2-37)', async (t, stage) => {
    const node = await stage.serving(served, 'server');
    await node.config.set('work', { timeoutMs: 5_000 });
    let told = 0;
    node.on('config', () => (told += 1));
    const wrong: [Patch | object, string, string][] = [
      [{ timeoutMs: 'soon' }, 'CONFIG', 'timeoutMs'],
      [{ timeoutMs: 0 }, 'CONFIG', 'timeoutMs'],
      [{ balance: 'fairest' }, 'CONFIG', 'fairest'],
      [{ retry: 'unheard-of' }, 'CONFIG', 'unheard-of'],
      [{ methods: { run: { breaker: 'unheard-of' } } }, 'CONFIG', 'unheard-of'],
      [{ canary: { version: 'new', share: 2 } }, 'CONFIG', 'canary'],
      [{ scale: { min: 9, max: 3 } }, 'CONFIG', 'scale'],
      [{ colour: 'red' }, 'CONFIG', 'colour'],
      [{ pool: 'threads' }, 'RESTART_REQUIRED', 'pool'],
      [{ timeoutMs: 1, maxLength: 10 }, 'RESTART_REQUIRED', 'maxLength'],
      [{ redelivery: { deliveries: 5 } }, 'RESTART_REQUIRED', 'redelivery'],
    ];
    for (const [patch, code, named] of wrong) {
      const error = await refusal(() => node.config.set('work', patch));
      t.deepEqual([error.code, error.message.includes(named)], [code, true], error.message);
    }
    for (const act of [
      () => node.config.set('', { timeoutMs: 1 }),
      () => node.config.set('x'.repeat(129), { timeoutMs: 1 }),
      () => node.config.set('work', null as unknown as Patch),
      () => node.config.set('work', [] as Patch),
      () => node.config.set('work', { timeoutMs: 1 }, { expectedRevision: -1 }),
      () => node.config.set('work', { timeoutMs: 1 }, { by: '' }),
      () => node.config.history('work', 0),
    ])
      t.is((await refusal(act)).code, 'CONFIG');
    t.deepEqual(node.config.get('work'), { service: 'work', revision: 1, settings: { timeoutMs: 5_000 } });
    t.is(told, 0);
    await node.client(work).run(1);
    const topic = `topic.${'a'.repeat(100)}`;
    await node.config.set(topic, { concurrency: 2 });
    t.is(node.config.effective(topic).concurrency, 2, 'the longest name of a topic');
  });

  promised(
    'of changes that expect the same revision one wins, and nobody overwrites unseen (S2-34)',
    async (t, stage) => {
      const nodes = [await stage.node('one'), await stage.node('two')];
      const tried = await Promise.allSettled(
        numbers(6).map((n) => nodes[n % 2]!.config.set('work', { maxPending: n + 1 }, { expectedRevision: 0 })),
      );
      t.is(tried.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const one of tried)
        if (one.status === 'rejected') t.is((one.reason as { code: string }).code, 'REVISION_CONFLICT');
      await Promise.all([
        ...numbers(4).map((n) => nodes[0]!.config.set('work', { timeoutMs: n + 1_000 })),
        ...numbers(4).map((n) => nodes[1]!.config.set('work', { hedgeAfterMs: n + 10 })),
      ]);
      await until('all to be known', () => nodes.every(({ config }) => config.get('work').revision === 9));
      const [one, two] = nodes.map(({ config }) => config.get('work').settings);
      t.deepEqual(one, two);
      t.deepEqual(Object.keys(one!).toSorted(), ['hedgeAfterMs', 'maxPending', 'timeoutMs']);
    },
  );

  promised('the history tells who changed what, from what to what (S2-36)', async (t, stage) => {
    const node = await stage.node('node');
    await node.config.set('work', { weight: 2 }, { by: 'ann' });
    await node.config.set('other', { weight: 5 });
    await node.config.set('work', { weight: null, timeoutMs: 1_000 }, { by: 'bob' });
    const changes = await node.config.history('work');
    t.deepEqual(
      changes.map(({ revision, by, from, to }) => [revision, by, from, to]),
      [
        [1, 'ann', undefined, { weight: 2 }],
        [2, 'bob', { weight: 2 }, { timeoutMs: 1_000 }],
      ],
    );
    t.true(changes[0]!.at <= changes[1]!.at && changes[1]!.at <= node.now());
    t.deepEqual(
      (await node.config.history()).map(({ service }) => service),
      ['work', 'other', 'work'],
    );
  });

  promised(
    'a service that is switched off refuses on every node, with the reason, until it is on again (S2-12)',
    async (t, stage) => {
      const server = await stage.serving(served, 'server');
      const node = await stage.node('caller');
      await server.config.set('work', { delivery: 'disabled', deliveryReason: 'being moved' });
      for (const { client, config } of [server, node].map((one) => ({
        client: one.client(work),
        config: one.config,
      }))) {
        await until('it to be known', () => config.effective('work').delivery === 'disabled');
        for (const request of [client.run(1), client.run.cast(1)]) {
          const error = await rejection(request);
          t.deepEqual([error.code, error.outcome], ['SERVICE_DISABLED', 'not-executed']);
          t.true(error.message.includes('being moved'));
        }
      }
      t.is((await node.depth(work)).messages, 0);
      await node.config.set('work', { delivery: null });
      await until('it to be known', () => server.config.effective('work').delivery === 'remote');
      await server.client(work).run(1);
    },
  );

  promised('what a client holds follows the settings from call to call (S1-17)', async (t, stage) => {
    const { opened, open } = gate();
    let running = 0;
    const server = await stage.serving(
      actor(work, { run: () => {}, hold: () => ((running += 1), opened) }, { concurrency: 1 }),
    );
    const node = await stage.node('caller');
    const api = node.client(work);
    const held = numbers(3).map(() => api.hold());
    await until('one to run', () => running === 1);
    await node.config.set('work', { concurrency: 3, maxPending: 3 });
    await until('all to run', () => running === 3);
    t.is((await rejection(api.run(1))).code, 'OVERLOADED');
    open();
    await Promise.all(held);
    await api.run(1);
    t.is(server.stats().processed, 4);
  });

  promised('a node that was cut off knows what was set meanwhile once it is back (S2-35)', async (t, stage) => {
    const server = await stage.serving(served, 'server', { beat: LATE_BEAT });
    const node = await stage.node('caller', { beat: BLIND_BEAT });
    const old = server.id;
    await node.config.set('work', { timeoutMs: 5_000 });
    const lost = evict(stage, server);
    await until('it to be lost', () => server.id !== old || node.registry.instances('work').length === 0);
    await node.config.set('work', { timeoutMs: 6_000, concurrency: 3 });
    await node.breaker('work.run').open({ reason: 'maintenance' });
    await lost;
    await until('it to know', () => server.config.get('work').revision === 2);
    t.is(server.config.effective('work').timeoutMs, 6_000);
    await until('it to be refused', () => server.breaker('work.run').state() === 'open');
    t.is((await rejection(server.client(work).run(1))).code, 'CIRCUIT_OPEN');
    await until('it to be seen under its new id', () => node.registry.instances('work')[0]?.nodeId === server.id);
    await node.client(work, { breaker: false, balance: 'round_robin', timeoutMs: 20_000 }).run(1);
  });

  promised('what somebody wrote by hand and cannot be read changes nothing, and can be mended', async (t, stage) => {
    const node = await stage.serving(served, 'server');
    const { records } = await stage.link();
    await node.config.set('work', { timeoutMs: 5_000 });
    const bodies = [
      null,
      7,
      'text',
      [],
      { settings: 7 },
      { settings: { timeoutMs: 'soon' } },
      { settings: { balance: 'fairest' } },
      { settings: { retry: 'unheard-of' } },
      { settings: { methods: { run: { retry: 'unheard-of' } } } },
      { settings: { pool: 'threads' } },
    ];
    for (const body of bodies) {
      await records.change({ family: SETTINGS, name: 'work', body, by: 'mallory' });
      await records.change({ family: SETTINGS, name: `${'x'.repeat(300)} /`, body, by: 'mallory' });
      await records.change({ family: 'mark', name: `work/${node.id}`, body, by: 'mallory' });
      await records.change({ family: 'mark', name: 'no-slash', body, by: 'mallory' });
      await records.change({ family: 'made-up', name: 'thing', body, by: 'mallory' });
    }
    const late = await stage.node('late');
    await node.config.set('other', { timeoutMs: 1 });
    await until('the last to be known', () => late.config.get('other').revision === 1);
    await until('the last to be known', () => node.config.get('other').revision === 1);
    t.is(node.config.effective('work').timeoutMs, 5_000, 'what held before still holds');
    t.is(late.config.effective('work').timeoutMs, undefined);
    for (const one of [node, late]) {
      t.is(one.registry.instances('work').length, 1);
      await one.client(work).run(1);
    }
    t.is((await node.config.history('work')).length, 1 + bodies.length);
    await late.config.set('work', { timeoutMs: 6_000 });
    await until('it to be mended', () => node.config.effective('work').timeoutMs === 6_000);
    await node.registry.setStatus('work', node.id, 'unhealthy');
    await until('a mark to be possible', () => late.registry.instances('work').length === 0);
  });
}
