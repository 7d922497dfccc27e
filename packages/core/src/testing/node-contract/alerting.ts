/** The acceptance list of the alert channel, by its numbers: what hurts is told to whom it concerns, by the clock. */
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import type { Alert } from '../../alerts/alert.ts';
import { AlertStage, heard, listen, MINUTE, pain, SECOND, STEP_MS, stored, type Ear } from './alert-stage.ts';
import { rejection, until, type Promised } from './stage.ts';

const shop = contract('shop', { methods: { sell: {} } });

/** After how long a notice may be told, ms: a step of the clock, and what it costs to carry it out. */
const LATE_MS = 2 * STEP_MS;

function near(ear: Ear, since: number, afterMs: readonly number[]): boolean {
  return afterMs.every((ms, i) => {
    const late = (ear.told[i]?.at ?? 0) - since - ms;
    return late >= -1 && late <= LATE_MS;
  });
}

export function alerting(promised: Promised): void {
  promised(
    'alerts 1: a critical one is with every subscriber of s5 at once, and with one that comes later (S3-16)',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b, c] = (await alerts.nodes('a', 'b', 'c')) as [ActorNode, ActorNode, ActorNode];
      const [atB, atC] = [listen(b, 's5'), listen(c, 's5')];
      const took: number[] = [];
      for (const kind of ['one', 'two', 'three']) {
        const startedAt = performance.now();
        const raised = await a.pain(pain(kind, 'critical'));
        t.is(raised.level, 's5');
        await until('both heard it', () => atB.kinds().includes(kind) && atC.kinds().includes(kind));
        took.push(performance.now() - startedAt);
        t.deepEqual(
          (await stored(a, kind))?.notices.map(({ to }) => [...to].toSorted()),
          [['s1', 's3', 's5']],
        );
      }
      t.true(Math.min(...took) < 100, `it took ${took.join(', ')} ms`);
      await alerts.clock.jump(25 * SECOND);
      const late = listen(c, 's5', { name: 'late' });
      await until('the late one was told', () => late.told.length >= 3);
      t.deepEqual([...late.kinds()].slice(0, 3).toSorted(), ['one', 'three', 'two']);
    },
  );

  promised(
    'alerts 2: a critical one repeats each 30 s until somebody has seen it, and again when it is not over in 5 min',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const policy = listen(b, 's5');
      const { id, firstAt } = await a.pain(pain('fire', 'critical'));
      await alerts.pass(95 * SECOND);
      await heard(policy, 4);
      t.true(near(policy, firstAt, [0, 30 * SECOND, 60 * SECOND, 90 * SECOND]), JSON.stringify(policy.told));
      t.deepEqual(
        policy.told.map(({ why }) => why),
        ['raised', 'repeated', 'repeated', 'repeated'],
      );
      await b.alerts.ack(id, 'investigating', { by: 'ada', note: 'on it' });
      await alerts.pass(4 * MINUTE);
      t.is(policy.told.length, 4);
      const acked = await stored(a, 'fire');
      t.deepEqual(
        [acked?.state, acked?.ackedBy, acked?.ackType, acked?.ackNote],
        ['acked', 'ada', 'investigating', 'on it'],
      );
      await alerts.pass(70 * SECOND);
      await heard(policy, 5);
      t.is((await stored(a, 'fire'))?.state, 'open');
    },
  );

  promised(
    'alerts 3: a high one goes to s3 at once, to s4 after 5 min, to s5 after 10, and then repeats nine times at most',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const [s3, s4, s5] = [listen(b, 's3'), listen(b, 's4'), listen(b, 's5')];
      const { firstAt } = await a.pain(pain('slow', 'high'));
      await heard(s3, 1);
      await alerts.pass(10 * MINUTE + 2 * STEP_MS);
      await heard(s5, 1);
      t.true(near(s3, firstAt, [0]) && near(s4, firstAt, [5 * MINUTE]) && near(s5, firstAt, [10 * MINUTE]));
      await alerts.pass(65 * MINUTE, 30 * SECOND);
      await heard(s5, 10);
      t.deepEqual([s3.told.length, s4.told.length, s5.told.length], [1, 1, 10]);
      t.is((await stored(a, 'slow'))?.state, 'open');
    },
  );

  promised(
    'alerts 4: a medium one that its unit heals within a minute is never heard of elsewhere; else s3 hears of it',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const unit: string[] = [];
      const a = await alerts.node('a');
      const b = await alerts.node('b');
      await a.serve(
        actor(
          shop,
          { sell: () => undefined },
          {
            onPain: async (alert, ctx) => {
              unit.push(alert.kind);
              if (alert.kind === 'heals') await ctx.resolve('put right');
            },
          },
        ),
      );
      const s3 = listen(b, 's3');
      await a.pain(pain('heals', 'medium', { service: 'shop' }));
      await until('it is over', async () => (await stored(a, 'heals'))?.state === 'resolved');
      const { firstAt } = await a.pain(pain('hurts', 'medium', { service: 'shop' }));
      await until('the unit was told', () => unit.includes('hurts'));
      await alerts.pass(50 * SECOND);
      t.is(s3.told.length, 0);
      await alerts.pass(20 * SECOND);
      await heard(s3, 1);
      t.deepEqual(s3.kinds(), ['hurts']);
      t.true(near(s3, firstAt, [MINUTE]));
      t.deepEqual(unit, ['heals', 'hurts']);
    },
  );

  promised(
    'an actor’s tags show in discovery and on its alerts: who subscribed with them at s3 is told of high ones (S3-50, S3-54)',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      await a.serve(actor(shop, { sell: () => undefined }), { tags: ['system:3'] });
      await b.registry.waitFor(['shop']);
      t.deepEqual(
        (await b.registry.discover('shop', { tags: ['system:3'] })).map(({ tags }) => tags),
        [['system:3']],
      );
      const tagged = listen(b, { level: 's3', tags: ['system:3'] }, { name: 'tagged' });
      await a.pain(pain('elsewhere', 'high', { service: 'bakery' }));
      await a.pain(pain('here', 'high', { service: 'shop' }));
      await heard(tagged, 1);
      t.deepEqual(tagged.kinds(), ['here']);
      const levels = { critical: 's5', high: 's3', medium: 's1', low: 's1' } as const;
      for (const [severity, level] of Object.entries(levels)) {
        t.is((await a.pain(pain(`lands-${severity}`, severity as Alert['severity']))).level, level);
      }
    },
  );

  promised(
    'alerts 5: a low one is kept and told to nobody; more of a source in a minute are counted (S3-56)',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const a = await alerts.node('a');
      const all = listen(a, {});
      await a.pain(pain('draughty', 'info'));
      const [low] = await a.alerts.list({ severity: 'low' });
      t.deepEqual([low?.kind, low?.severity, low?.state], ['draughty', 'low', 'open']);
      for (let n = 1; n <= 11; n += 1) await a.pain(pain(`low-${n}`, 'low', { service: 'shop' }));
      t.is((await stored(a, 'low-11'))?.attenuated.limit, 1);
      // Two, and a third: of those that nobody had seen before, three pass in any case.
      t.is((await a.alerts.stats()).attenuated.limit, 8);
      await alerts.pass(6 * MINUTE, 30 * SECOND);
      await until('it is archived', async () => (await a.alerts.list({ state: 'open' })).length === 0);
      t.is((await stored(a, 'draughty'))?.resolution, 'expired');
      t.deepEqual(all.told, []);
    },
  );

  promised('alerts 6: what five nodes say two hundred times is one alert and one notice a level', async (t, stage) => {
    const alerts = new AlertStage(stage);
    const nodes = await alerts.nodes('a', 'b', 'c', 'd', 'e');
    const [a] = nodes as [ActorNode];
    const s3 = listen(a, 's3', {}, () => undefined);
    await Promise.all(nodes.flatMap((node) => Array.from({ length: 40 }, () => node.pain(pain('same', 'high')))));
    await heard(s3, 1);
    const all = await a.alerts.list({ kind: 'same' });
    t.is(all.length, 1);
    t.deepEqual([all[0]?.count, all[0]?.reporters.length], [200, 5]);
    t.is(s3.told.length, 1);
  });

  promised(
    'alerts 7: one that grows from medium to critical goes to s5 at once, though it was acked',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const s5 = listen(b, 's5');
      const { id } = await a.pain(pain('leak', 'medium'));
      await b.alerts.ack(id, 'received');
      await a.pain(pain('leak', 'critical'));
      await heard(s5, 1);
      const now = await stored(a, 'leak');
      t.deepEqual([now?.id, now?.state, now?.severity, now?.ackedBy], [id, 'open', 'critical', undefined]);
    },
  );

  promised(
    'alerts 8: a condition that ends before anybody looked is over, a critical one stays until it was seen',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const s5 = listen(b, 's5');
      await a.pain(pain('mild', 'medium'));
      const { id } = await a.pain(pain('wild', 'critical'));
      await a.alerts.clear({ kind: 'mild' });
      await a.alerts.clear({ kind: 'wild' });
      t.is((await stored(a, 'mild'))?.state, 'resolved');
      t.is((await stored(a, 'wild'))?.state, 'cleared-unacked');
      await heard(s5, 1);
      await alerts.pass(40 * SECOND);
      await heard(s5, 2);
      await b.alerts.ack(id);
      t.is((await stored(a, 'wild'))?.state, 'resolved');
    },
  );

  promised(
    'alerts 9: one that comes and goes four times in a minute is one alert, held open, told twice at most',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const s3 = listen(b, 's3');
      for (let round = 0; round < 4; round += 1) {
        const { id } = await a.pain(pain('flutter', 'high'));
        if (round % 2 === 0) await a.alerts.clear({ kind: 'flutter' });
        else await b.alerts.resolve(id);
        await alerts.pass(10 * SECOND);
      }
      const all = await a.alerts.list({ kind: 'flutter', state: 'all' });
      t.is(all.length, 1);
      t.deepEqual([all[0]?.flaps, all[0]?.state], [3, 'open']);
      t.true(s3.told.length >= 1 && s3.told.length <= 2, `${s3.told.length} notices`);
      await alerts.pass(6 * MINUTE, 15 * SECOND);
      await until('it ends by itself', async () => (await stored(a, 'flutter'))?.state === 'resolved');
    },
  );

  promised(
    'alerts 10: of eleven high ones of a source in a minute the eleventh waits and is counted; critical ones never do (S3-53, S3-57)',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const [s3, s5] = [listen(b, 's3'), listen(b, 's5', { concurrency: 4 })];
      for (let n = 1; n <= 11; n += 1) await a.pain(pain(`high-${n}`, 'high', { service: 'shop' }));
      await heard(s3, 10);
      const eleventh = await stored(a, 'high-11');
      t.deepEqual([eleventh?.held?.by, eleventh?.attenuated.limit, eleventh?.state], ['limit', 1, 'open']);
      t.is(s3.told.length, 10);
      t.is((await a.alerts.stats()).here.attenuated.limit, 1);
      for (let n = 1; n <= 11; n += 1) await a.pain(pain(`critical-${n}`, 'critical', { service: 'shop' }));
      await heard(s5, 11);
      t.is(new Set(s5.told.map(({ id }) => id)).size, 11);
      await alerts.pass(70 * SECOND);
      await until('it is told when there is room again', () => s3.kinds().includes('high-11'));
    },
  );

  promised(
    'alerts 11: three hundred consequences of one root are attached to it and told to nobody',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const s3 = listen(b, 's3');
      const root = await a.pain(pain('node-down', 'high', { scope: 'n1' }));
      await heard(s3, 1);
      await Promise.all(
        Array.from({ length: 300 }, (_, n) =>
          a.pain(pain('unreachable', 'high', { scope: `c${n}`, service: `s${n % 40}`, causedBy: root.id })),
        ),
      );
      const [now] = await a.alerts.list({ kind: 'node-down' });
      t.is(now?.rootOf, 300);
      t.deepEqual(s3.kinds(), ['node-down']);
      t.is(
        (await a.alerts.list({ kind: 'unreachable', limit: 1_000 })).every(({ held }) => held?.by === 'inhibition'),
        true,
      );
    },
  );

  promised(
    'alerts 12: a silence has an end, does not cover what is critical, and what is still open afterwards is told',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const s3 = listen(b, 's3');
      const by = { author: 'ada', reason: 'moving house' };
      t.is((await rejection(a.alerts.silence({ kinds: ['noise'] }, by))).code, 'CONFIG');
      t.is((await rejection(a.alerts.silence({ severities: ['critical'] }, { ...by, forMs: MINUTE }))).code, 'CONFIG');
      await a.alerts.silence({ kinds: ['noise'] }, { ...by, forMs: 2 * MINUTE });
      await until('everybody knows', () => b.alerts.silences().length === 1);
      await b.pain(pain('noise', 'high'));
      const held = await stored(a, 'noise');
      t.deepEqual([held?.held?.by, held?.attenuated.silence], ['silence', 1]);
      await alerts.pass(100 * SECOND);
      t.is(s3.told.length, 0);
      await alerts.pass(30 * SECOND);
      await heard(s3, 1);
      t.is(s3.told[0]?.why, 'released');
    },
  );

  promised(
    'alerts 13: a storm of a thousand is one storm alert and digests; what is critical is told one by one (S3-58)',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const nodes = await alerts.nodes('a', 'b', 'c');
      const [a, b] = nodes as [ActorNode, ActorNode];
      const [s3, s5] = [listen(b, 's3', { concurrency: 8 }), listen(b, 's5', { concurrency: 8 })];
      const raise = (n: number): Promise<Alert> =>
        nodes[n % 3]!.pain(pain('hail', 'high', { service: `s${n % 50}`, scope: `roof ${n}` }));
      await Promise.all(Array.from({ length: 500 }, (_, n) => raise(n)));
      await Promise.all(['red', 'green', 'blue'].map((kind) => a.pain(pain(kind, 'critical'))));
      await Promise.all(Array.from({ length: 500 }, (_, n) => raise(500 + n)));
      await alerts.pass(20 * SECOND);
      await until('the storm and the three', () =>
        ['storm', 'red', 'green', 'blue'].every((kind) => s5.kinds().includes(kind)),
      );
      const storms = await a.alerts.list({ kind: 'storm', state: 'all' });
      t.is(storms.length, 1);
      for (const kind of ['red', 'green', 'blue']) t.is(s5.kinds().filter((one) => one === kind).length, 1);
      const alone = s3.told.filter(({ kind }) => kind === 'hail').length;
      t.true(alone < 150, `${alone} told one by one`);
      const all = await a.alerts.list({ state: 'all', limit: 5_000 });
      const told = all.filter(({ kind }) => kind !== 'storm');
      t.is(
        told.reduce((sum, { count }) => sum + count, 0),
        1_003,
      );
      const digested = (): unknown[] => [...s3.told, ...s5.told].flatMap(({ digest }) => digest ?? []);
      await until('a digest', () => digested().length > 0);
      const digests = digested();
      t.true(digests.length < 12, `${digests.length} digests`);
      await alerts.pass(90 * SECOND);
      await until('the storm is over', async () => (await stored(a, 'storm'))?.state === 'resolved');
    },
  );

  promised(
    'alerts 15: what nobody hears is counted, told to the fallback, and delivered to the first who subscribes (S3-60)',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const fallen: string[] = [];
      const a = await alerts.node('a', { alerts: { fallback: (alert) => void fallen.push(alert.kind) } });
      await a.pain(pain('lonely', 'high'));
      await until('the fallback was told', () => fallen.length > 0);
      t.deepEqual(fallen, ['lonely']);
      t.is((await a.alerts.stats()).unrouted, 1);
      t.deepEqual([(await stored(a, 'lonely'))?.state, (await stored(a, 'lonely'))?.unrouted], ['open', true]);
      const s3 = listen(await alerts.node('b'), 's3');
      await heard(s3, 1);
      t.deepEqual(s3.kinds(), ['lonely']);
    },
  );

  promised(
    'alerts 17: pleasure is told to those who asked for it, sets no clock and touches no pain',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      const glad = listen(b, { types: ['pleasure'] }, { name: 'glad' });
      const s3 = listen(b, 's3');
      await a.pain(pain('speed', 'high'));
      await a.pleasure({ kind: 'speed', message: 'faster than it should be' });
      await heard(glad, 1);
      await heard(s3, 1);
      t.deepEqual([glad.kinds(), s3.kinds()], [['speed'], ['speed']]);
      t.is((await a.alerts.list({ kind: 'speed', type: 'pain' }))[0]?.state, 'open');
      await alerts.pass(4 * MINUTE, 30 * SECOND);
      t.is(glad.told.length, 1);
    },
  );

  promised(
    'alerts 18: a false alarm ends it and is counted; an ack of which nothing came is listed as hollow',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      listen(b, 's5');
      const wolf = await a.pain(pain('wolf', 'high'));
      await b.alerts.ack(wolf.id, 'false_alarm', { by: 'ada' });
      const ended = await stored(a, 'wolf');
      t.deepEqual([ended?.state, ended?.resolution], ['resolved', 'false_alarm']);
      const hole = await a.pain(pain('hole', 'critical'));
      await b.alerts.ack(hole.id, 'received', { by: 'bob' });
      await alerts.pass(6 * MINUTE, 15 * SECOND);
      await until('it is open again', async () => (await stored(a, 'hole'))?.hollow === true);
      const stats = await a.alerts.stats();
      t.is(stats.falsePositiveRate, 0.5);
      t.deepEqual(
        stats.hollow.map(({ kind }) => kind),
        ['hole'],
      );
    },
  );

  promised(
    'alerts 19: whatever is due is carried out once, however many nodes look at the same moment',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const nodes = await alerts.nodes('a', 'b', 'c', 'd');
      const [a, b] = nodes as [ActorNode, ActorNode];
      const s3 = listen(b, 's3');
      for (let n = 0; n < 5; n += 1) await a.pain(pain(`due-${n}`, 'medium'));
      await alerts.pass(80 * SECOND);
      await heard(s3, 5);
      t.deepEqual([...s3.kinds()].toSorted(), ['due-0', 'due-1', 'due-2', 'due-3', 'due-4']);
      for (const { history } of await a.alerts.list({})) {
        t.is(history.filter(({ event }) => event === 'escalated').length, 1);
      }
    },
  );

  promised(
    'alerts 20: lists and figures agree with what happened; what is over is archived, what is open never (S3-62, S3-63)',
    async (t, stage) => {
      const alerts = new AlertStage(stage);
      const [a, b] = (await alerts.nodes('a', 'b')) as [ActorNode, ActorNode];
      listen(b, 's3');
      const started = a.now();
      const ids: string[] = [];
      for (let n = 0; n < 4; n += 1)
        ids.push((await a.pain(pain(`k${n}`, n < 2 ? 'high' : 'medium', { service: `s${n}` }))).id);
      await a.pleasure({ kind: 'nice', message: 'nice' });
      await alerts.pass(20 * SECOND);
      for (const id of ids.slice(0, 2)) await b.alerts.ack(id, 'received', { by: 'ada' });
      await alerts.pass(20 * SECOND);
      for (const id of ids.slice(0, 2)) await b.alerts.resolve(id, { by: 'ada' });
      t.deepEqual((await a.alerts.list({ severity: 'high', state: 'all' })).map(({ kind }) => kind).toSorted(), [
        'k0',
        'k1',
      ]);
      t.deepEqual(
        (await a.alerts.list({ service: 's3' })).map(({ kind }) => kind),
        ['k3'],
      );
      t.deepEqual((await a.alerts.list({ state: 'resolved', type: 'pain' })).map(({ kind }) => kind).toSorted(), [
        'k0',
        'k1',
      ]);
      t.is((await a.alerts.list({ limit: 2, state: 'all' })).length, 2);
      t.is((await a.alerts.list({ from: started - 10 * MINUTE, to: started - MINUTE, state: 'all' })).length, 0);
      const stats = await b.alerts.stats(60 * MINUTE);
      t.deepEqual([stats.total, stats.bySeverity.high, stats.byType.pleasure], [5, 2, 1]);
      t.true(Math.abs(stats.meanAckMs! - 20 * SECOND) <= LATE_MS, `${stats.meanAckMs}`);
      t.true(Math.abs(stats.meanResolveMs! - 40 * SECOND) <= 2 * LATE_MS, `${stats.meanResolveMs}`);
      await alerts.pass(10 * MINUTE, 30 * SECOND);
      const all = await a.alerts.list({ state: 'all' });
      t.is(all.length, 5, 'the archive is part of the list');
      await alerts.pass(25 * 60 * MINUTE, 30 * MINUTE);
      const left = await a.alerts.list({ state: 'all', limit: 100 });
      t.deepEqual(
        left
          .filter(({ type }) => type === 'pain')
          .map(({ kind }) => kind)
          .toSorted(),
        ['k2', 'k3'],
      );
    },
  );
}
