/** Alerts between real processes: they arrive, escalate and are delivered whatever dies, blocks, fills up or is away. */
import test from 'ava';
import type { ActorNode, Alert, Client, HomeostatError, NodeOptions, RaiseOptions } from 'homeostat';
import { waitFor } from 'homeostat/testing';
import { AlertHouse, until, type AlertProcess } from './support/alert-house.ts';
import { Monitor, type Seen } from './support/monitor.ts';
import { Proxy } from './support/proxy.ts';
import { stuck, stuckActor, stuckThreads } from './support/stuck.actor.ts';

type Log = NonNullable<NodeOptions['log']>;

const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[values.length >> 1]!;
const events = ({ history }: Alert): string[] => history.map(({ event }) => event);
const critical = (kind: string): RaiseOptions => ({ kind, message: `${kind} hurts`, severity: 'critical' });

/** A log of which only the fatal lines are kept. */
function fatalOnly(lines: unknown[]): Log {
  const nothing = (): void => {};
  const log = {
    ...{ trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing },
    fatal: (fields: unknown) => void lines.push(fields),
    child: () => log,
  };
  return log as unknown as Log;
}

async function house(t: { teardown(fn: () => Promise<void>): void }): Promise<AlertHouse> {
  const opened = await AlertHouse.open();
  t.teardown(() => opened.close());
  return opened;
}

test.serial(
  'a critical alert is with every s5 subscriber in other processes within 100 ms, past s3 and s4 (S3-16)',
  async (t) => {
    const stage = await house(t);
    const [raiser, one, other] = (await stage.startAll(['raiser', 'one', 'other'])) as [
      AlertProcess,
      AlertProcess,
      AlertProcess,
    ];
    await one.order({ do: 'listen', filter: { level: 's5' }, options: { mode: 'broadcast' } });
    await other.order({ do: 'listen', filter: { level: 's5' }, options: { name: 'pager' } });
    const planning: string[] = [];
    (await stage.node('planning')).alerts.subscribe({ level: 's4' }, ({ kind }) => void planning.push(kind));
    const tookMs: number[] = [];
    for (let time = 1; time <= 9; time += 1) {
      const { at, alert } = await raiser.raise(critical(`pain-${time}`));
      const [first, last] = await until('both to be told', () => {
        const told = stage.toldOf(alert.id);
        return told.length === 2 && told;
      });
      tookMs.push(Math.max(first!.at, last!.at) - at);
      for (const { n, why, to } of [first!, last!])
        t.deepEqual({ n, why, to }, { n: 1, why: 'raised', to: ['s5', 's3', 's1'] });
      t.deepEqual(events(alert), ['raised'], 'nothing came before');
    }
    t.log(`with both after ${tookMs.join(', ')} ms`);
    t.true(median(tookMs) < 100);
    const late = await stage.start('late');
    await late.order({ do: 'listen', filter: { level: 's5' }, options: { mode: 'broadcast' } });
    await until('the late one to be told of all', () => stage.told.filter(({ by }) => by === 'late').length === 9);
    t.is(stage.told.length, 27, 'nobody is told twice');
    t.deepEqual(planning, [], 'planning has no part in it');
  },
);

test.serial(
  'the raiser, whoever escalated it and the subscriber who had it in hand are killed: it escalates on time and is handled once',
  async (t) => {
    const ACK_BY_MS = 1_000;
    const LATE_MS = 500;
    const stage = await house(t);
    const options = { alerts: { sources: false as const, policy: { severities: { high: { ackByMs: ACK_BY_MS } } } } };
    const raiser = await stage.start('raiser', options);
    const living = new Set(await stage.startAll(['a', 'b', 'c', 'd'], options));
    const anyone = (): AlertProcess => [...living][0]!;
    const kill = async (killed: AlertProcess): Promise<void> => {
      living.delete(killed);
      await killed.kill();
    };
    for (const one of living)
      await one.order({ do: 'listen', filter: { level: 's5' }, options: { name: 'pager' }, holds: true });
    const raised = await raiser.raise({ kind: 'disk-full', message: 'no room', severity: 'high' });
    const { id } = raised.alert;
    const state = (): Promise<Alert> => anyone().order<Alert>({ do: 'get', id });
    await kill(raiser);
    const escalated = await until('the first escalation', async () => {
      const alert = await state();
      return alert.level === 's4' && alert;
    });
    const sweeper = [...living].find(({ nodeId }) => nodeId === escalated.history.at(-1)!.by)!;
    await kill(sweeper);
    const [inHand] = await until('somebody at s5 to have it in hand', () => {
      const told = stage.toldOf(id);
      return told.length > 0 && told;
    });
    const holder = [...living].find(({ name }) => name === inHand!.by)!;
    await kill(holder);
    const killedAt = Date.now();
    await until('another one to have it', () => stage.toldOf(id).length === 2);
    t.log(`with another one ${stage.toldOf(id)[1]!.at - killedAt} ms after the death`);
    for (const one of living) await one.order({ do: 'release' });
    const over = await until('it to be over', async () => {
      const alert = await state();
      return alert.state === 'resolved' && alert;
    });
    // Both have seen its end: nobody can be told any more.
    for (const one of living)
      await until('all to know', async () => (await one.order<Alert>({ do: 'get', id })).state === 'resolved');
    const told = stage.toldOf(id);
    t.deepEqual(
      told.map(({ n, why }) => [n, why]),
      [
        [3, 'escalated'],
        [3, 'escalated'],
      ],
    );
    t.not(told[0]!.by, told[1]!.by);
    t.deepEqual(events(over), ['raised', 'escalated', 'escalated', 'acked', 'resolved']);
    t.deepEqual([over.history[0]!.by, over.history[1]!.by, over.resolvedBy], [raiser.nodeId, sweeper.nodeId, 'pager']);
    t.not(over.history[2]!.by, sweeper.nodeId);
    t.deepEqual(
      over.notices.map(({ n, to }) => [n, ...to]),
      [
        [1, 's1', 's3'],
        [2, 's4'],
        [3, 's5'],
      ],
    );
    const lateMs = [1, 2].map((times) => Math.round(over.history[times]!.at - over.firstAt - times * ACK_BY_MS));
    t.log(`escalated ${lateMs.join(' and ')} ms after they were due`);
    t.true(lateMs.every((ms) => ms >= 0 && ms < LATE_MS));
  },
);

/** A node, and what it says when it cannot tell anybody. */
async function lonely(
  stage: AlertHouse,
  options: NodeOptions = {},
): Promise<{ readonly node: ActorNode; readonly local: Alert[]; readonly fatal: unknown[] }> {
  const local: Alert[] = [];
  const fatal: unknown[] = [];
  const node = await stage.node('lonely', {
    log: fatalOnly(fatal),
    alerts: { sources: false, onLocalAlert: (alert) => void local.push(alert) },
    ...options,
  });
  return { node, local, fatal };
}

/** How much this node keeps until Redis is back. */
const kept = async (node: ActorNode): Promise<number> => {
  try {
    return (await node.alerts.stats()).here.waiting;
  } catch {
    return Infinity;
  }
};

/** What everybody knows of this kind, once anybody does. */
const known = (node: ActorNode, kind: string): Promise<readonly Alert[]> =>
  until(`${kind} to be known`, async () => {
    const alerts = await node.alerts.list({ kind, state: 'all' }).catch(() => []);
    return alerts.length > 0 && alerts;
  });

test.serial(
  'Redis dies and comes back empty: what hurts meanwhile is said here at once, and to all afterwards, once, as of when it hurt',
  async (t) => {
    const stage = await house(t);
    const { node, local, fatal } = await lonely(stage);
    const other = await stage.start('other');
    await other.order({ do: 'listen', filter: { level: 's5' } });
    const before = await node.pain(critical('before'));
    await until('the one before to be known', () => stage.toldOf(before.id).length === 1);
    await stage.redis.command('FLUSHALL');
    await stage.redis.kill();
    await until('the node to notice', async () => !(await node.link()).connected);
    const at = node.now();
    const hurtAt = performance.now();
    const raised = await node.pain(critical('meanwhile'));
    const saidMs = performance.now() - hurtAt;
    t.log(`said here after ${saidMs.toFixed(1)} ms`);
    t.true(saidMs < 50);
    t.deepEqual(
      local.map(({ id }) => id),
      [raised.id],
    );
    t.like(fatal[0], { evt: 'alert_local', alert: { id: raised.id, kind: 'meanwhile' } });
    await waitFor(() => performance.now() - hurtAt > 2_000, { withinMs: 5_000, what: 'an outage of two seconds' });
    await stage.redis.restart();
    const backAt = performance.now();
    const [alert, ...more] = await known(node, 'meanwhile');
    t.log(`known to all ${Math.round(performance.now() - backAt)} ms after the return`);
    t.deepEqual(more, []);
    t.true(Math.abs(alert!.firstAt - at) < 50, `${alert!.firstAt - at} ms off`);
    t.like(alert, { count: 1, state: 'open' });
    t.deepEqual(events(alert!), ['raised']);
    await until('the other one to be told', () => stage.told.some(({ kind }) => kind === 'meanwhile'));
    const [restored, ...others] = await known(node, 'before');
    t.deepEqual(others, []);
    t.like(restored, { id: before.id, count: 1, state: 'open', firstAt: before.firstAt });
    t.is(local.length, 1);
  },
);

test.serial(
  'Redis stands still: what hurts meanwhile is said here within a second, and known once it goes on',
  async (t) => {
    const PAUSED_MS = 2_500;
    const stage = await house(t);
    const { node, local, fatal } = await lonely(stage);
    await stage.redis.command('CLIENT', 'PAUSE', PAUSED_MS, 'ALL');
    const at = node.now();
    const raised = await node.pain(critical('standing'));
    t.true(node.now() - at < 1_500);
    t.deepEqual(
      local.map(({ id }) => id),
      [raised.id],
    );
    t.like(fatal[0], { evt: 'alert_local' });
    const [alert, ...more] = await known(node, 'standing');
    t.deepEqual(more, []);
    await until('nothing to be kept any more', async () => (await kept(node)) === 0);
    const [settled] = await known(node, 'standing');
    t.like(settled, { id: alert!.id, count: 1, state: 'open' });
    t.deepEqual(events(settled!), ['raised']);
    t.true(Math.abs(settled!.firstAt - at) < 50);
    t.is(local.length, 1);
  },
);

test.serial(
  'the answer to the first write is lost with its connection: the alert is there once, and counted once',
  async (t) => {
    const stage = await house(t);
    const proxy = await Proxy.open(() => stage.redis.port);
    t.teardown(() => proxy.close());
    const { node, local } = await lonely(stage, { redis: `redis://127.0.0.1:${proxy.port}` });
    await node.pain({ ...critical('first'), severity: 'low' });
    proxy.cutOnReply({ request: (bytes) => bytes.includes('unheard'), reply: () => true });
    const at = node.now();
    await node.pain(critical('unheard'));
    t.is(proxy.lost.length, 1, 'it was written, and its answer was lost');
    t.is(local.length, 1);
    await until('nothing to be kept any more', async () => (await kept(node)) === 0);
    const [alert, ...more] = await known(node, 'unheard');
    t.deepEqual(more, []);
    t.like(alert, { count: 1, state: 'open' });
    t.deepEqual(events(alert!), ['raised']);
    t.true(Math.abs(alert!.firstAt - at) < 50);
    t.is(local.length, 1);
  },
);

test.serial(
  'a node blocks in the turn in which it raises: the others know at once, and of the stall too',
  async (t) => {
    const BLOCKED_MS = 2_000;
    const stage = await house(t);
    const options = {
      beat: { intervalMs: 200, ttlMs: 3_000, stallMs: 600 },
      alerts: { sources: { lookMs: 100, eventLoop: { calmMs: 500 } } },
    };
    const blocker = await stage.start('blocker', options);
    await blocker.order({ do: 'serve' });
    const listener = await stage.start('listener', options);
    await listener.order({ do: 'listen', filter: { level: 's5' } });
    const watcher = await stage.node('watcher', options);
    await until('all to know of each other', () => watcher.registry.nodes().length === 3);
    const { at, freeAt } = await blocker.order<{ at: number; freeAt: number }>({
      do: 'raise-and-block',
      options: critical('last-words'),
      ms: BLOCKED_MS,
    });
    const [told] = await until('the listener to be told', () => {
      const all = stage.told.filter(({ kind }) => kind === 'last-words');
      return all.length > 0 && all;
    });
    t.log(`told after ${told!.at - at} ms, ${freeAt - told!.at} ms before the loop was free`);
    t.true(freeAt - told!.at > BLOCKED_MS / 2);
    const [stall, ...more] = await known(watcher, 'event-loop');
    t.deepEqual(more, []);
    t.like(stall, { severity: 'high' });
    t.true(stall!.firstAt < freeAt, 'while it stood');
    t.not(stall!.history[0]!.by, blocker.nodeId, 'said by another');
    t.is(stall!.metrics?.['scope'], `node:${blocker.nodeId}`);
    const cleared = await until('it to be over', async () => {
      const alert = await watcher.alerts.get(stall!.id);
      return alert?.state === 'resolved' && alert;
    });
    t.is(cleared.resolution, 'cleared');
  },
);

/** What becomes of a cast. */
async function castCode(api: Client<typeof stuck.methods>): Promise<string> {
  try {
    await api.hang.cast(undefined, { timeoutMs: 2_000 });
    return 'accepted';
  } catch (thrown) {
    return (thrown as HomeostatError).code;
  }
}

/** Casts until the mailbox takes no more. */
async function fill(api: Client<typeof stuck.methods>): Promise<void> {
  await until('the mailbox to be full', async () => {
    return (await castCode(api)) === 'MAILBOX_FULL';
  });
}

test.serial(
  'mailboxes full, pools busy, breakers open, Redis full: what is critical arrives, is acked and resolved all the same (S3-37)',
  async (t) => {
    const stage = await house(t);
    const [raiser, pager] = (await stage.startAll(['raiser', 'pager'])) as [AlertProcess, AlertProcess];
    await pager.order({ do: 'listen', filter: { level: 's5' }, options: { name: 'pager' } });
    const crowded = await stage.node('crowded');
    const here: string[] = [];
    crowded.alerts.subscribe({ level: 's5' }, ({ kind }) => void here.push(kind), { mode: 'broadcast' });
    await crowded.serve(stuckActor);
    await crowded.serve(new URL('support/stuck.actor.js', import.meta.url), { pool: 'threads', threads: 1 });

    const passes = async (raised: RaiseOptions): Promise<void> => {
      const { at, alert } = await raiser.raise(raised);
      const [told] = await until(`${raised.kind} to arrive`, () => {
        const all = stage.toldOf(alert.id);
        return all.length > 0 && here.includes(raised.kind) && all;
      });
      t.log(`${raised.kind}: ${told!.at - at} ms`);
      t.deepEqual([told!.n, told!.to[0]], [1, 's5']);
      t.is((await crowded.alerts.ack(alert.id, 'investigating', { by: 'ada' })).state, 'acked');
      t.like(await crowded.alerts.resolve(alert.id, { by: 'ada' }), { state: 'resolved', resolvedBy: 'ada' });
    };

    await fill(crowded.client(stuck));
    await fill(crowded.client(stuckThreads));
    t.is(crowded.stats().inFlight, 3, 'every place is taken');
    await passes(critical('mailboxes-full'));
    for (const name of ['stuck.hang', 'stuck-threads.hang']) await crowded.breaker(name).open({ reason: 'a drill' });
    await until('them to be open', () => crowded.breakers().filter(({ phase }) => phase === 'open').length === 2);
    await passes({ ...critical('breakers-open'), severity: 'emergency' });
    await stage.redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
    t.is(await castCode(crowded.client(stuck, { breaker: false, retry: false })), 'BACKEND_FULL');
    await passes({ ...critical('redis-full'), severity: 'low', emergency: true });
    await passes({ ...critical('security_breach'), severity: 'medium' });
    await stage.redis.command('CONFIG', 'SET', 'maxmemory', '0');
  },
);

test.serial(
  '100,000 raises of one condition by five processes: one alert, counted exactly, told once, in few writes',
  async (t) => {
    const EACH = 20_000;
    const MOST_WRITES = 2_000;
    const MOST_BYTES = 4 * 1_048_576;
    const stage = await house(t);
    const raisers = await stage.startAll(['a', 'b', 'c', 'd', 'e']);
    const node = await stage.node('operations');
    const told: string[] = [];
    for (const level of ['s3', 's5'] as const)
      node.alerts.subscribe({ level }, ({ kind }, { notice: { n } }) => void told.push(`${level} ${kind} ${n}`));
    const startedAt = performance.now();
    await Promise.all(raisers.map((one) => one.order({ do: 'raise-often', options: critical('flood'), times: EACH })));
    const tookMs = performance.now() - startedAt;
    const [alert, ...more] = await until('all to be counted', async () => {
      const alerts = await node.alerts.list({ state: 'all' });
      return alerts[0]?.count === raisers.length * EACH && alerts;
    });
    t.deepEqual(more, []);
    t.is(alert!.reporters.length, raisers.length);
    t.is(alert!.notices.length, 1);
    t.deepEqual(told.sort(), ['s3 flood 1', 's5 flood 1']);
    const writes = Number(await stage.redis.command<string>('GET', stage.key('alerts:seq')));
    let bytes = 0;
    for (const name of ['alerts', 'alerts:due', 'alerts:archive', 'alerts:log', `alertclaims:${alert!.id}`])
      bytes += (await stage.redis.command<number | null>('MEMORY', 'USAGE', stage.key(name), 'SAMPLES', 0)) ?? 0;
    t.log(`${Math.round(tookMs)} ms, ${writes} writes, ${Math.round(bytes / 1_024)} KiB`);
    t.true(writes < MOST_WRITES);
    t.true(bytes < MOST_BYTES);
  },
);

test.serial(
  'two nodes with subscriptions where nothing hurts: no command for alerts beyond the beat and the read of the inbox',
  async (t) => {
    const BEATS = 10;
    const stage = await house(t);
    const nodes = [await stage.node('one', {}), await stage.node('other', {})];
    for (const node of nodes) {
      for (const level of ['s3', 's5'] as const) node.alerts.subscribe({ level }, () => {});
      node.alerts.subscribe({ minSeverity: 'high' }, () => {}, { mode: 'broadcast' });
    }
    await until('them to know of each other', () => nodes.every((node) => node.registry.nodes().length === 2));
    const monitor = await Monitor.open(stage.redis.port);
    t.teardown(async () => monitor.close());
    const sent = (): Seen[] => monitor.seen.filter(({ inScript }) => !inScript);
    const isBeat = ({ verb, text }: Seen): boolean => verb === 'evalsha' && text.includes(stage.key('members'));
    const beats = (): number => sent().filter(isBeat).length;
    await until('the first beats, when all has begun', () => beats() >= 3 * nodes.length);
    monitor.seen.length = 0;
    await until('the beats that are looked at', () => beats() >= BEATS * nodes.length);
    t.log(`${beats()} beats, ${sent().length} commands`);
    const ofAlerts = monitor.seen.filter(({ text }) => text.includes(':alert'));
    const others = ofAlerts.filter((one) => !isBeat(one) && !['get', 'mget', 'xread'].includes(one.verb));
    t.deepEqual(others, []);
    t.true(sent().length < 1.5 * beats());
  },
);
