import test from 'ava';
import { pino } from 'pino';
import type { Link } from '../../src/backend.ts';
import { memory } from '../../src/backends/memory.ts';
import { Balancer } from '../../src/balance/balancer.ts';
import { Emitter } from '../../src/node/events.ts';
import { Registry } from '../../src/registry/registry.ts';
import type { NodeReport, ServedReport } from '../../src/ports/report.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { BEAT_MS, reportOf, vitalsOf } from './world.ts';

const log = pino({ level: 'silent' });

interface Node {
  readonly id: string;
  readonly link: Link;
  readonly registry: Registry;
  readonly events: readonly string[];
  serve(serves: Record<string, Partial<ServedReport>>): Promise<void>;
}

async function start(backend: ReturnType<typeof memory>, clock: VirtualClock, name: string): Promise<Node> {
  const beat = { intervalMs: BEAT_MS, ttlMs: 3 * BEAT_MS, stallMs: BEAT_MS, evictMs: 30 * BEAT_MS };
  const link = await backend.connect({ name, namespace: 'registry', beat, log });
  let report: NodeReport = reportOf({}, { name });
  let id = '';
  const events: string[] = [];
  const emitter = new Emitter(log);
  for (const event of ['registered', 'deregistered', 'expired', 'health'] as const)
    emitter.on(event, ({ service, nodeId }) => events.push(`${event} ${service} ${nodeId.split('-')[0] ?? ''}`));
  const registry = new Registry({
    membership: link.membership,
    records: link.records,
    clock,
    setTimer: clock.setTimer,
    log,
    events: emitter,
    balancer: new Balancer({ random: () => 0 }),
    selfId: () => id,
    beatMs: BEAT_MS,
  });
  id = await link.membership.join(
    { report: () => report, vitals: () => vitalsOf('x@1', 2, 0.5) as never },
    {
      evicted: () => undefined,
      inbox: () => undefined,
      news: (items) => registry.apply(items),
      alerts: () => undefined,
      beaten: (seq) => registry.beaten(seq),
    },
  );
  await registry.resync();
  const serve = async (serves: Record<string, Partial<ServedReport>>): Promise<void> => {
    report = reportOf(serves, { name });
    await link.membership.announce();
    await clock.advance(0);
  };
  return { id, link, registry, events, serve };
}

test('on the memory backend nodes find, mark and lose each other (S0-28, S0-31, S0-33, S1-06, S2-17)', async (t) => {
  const clock = virtualClock();
  const backend = memory({ clock });
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => start(backend, clock, name)));
  if (a === undefined || b === undefined || c === undefined) return t.fail();
  const waiting = c.registry.waitFor(['x'], { timeoutMs: 1_000 });
  await a.serve({ 'x@1': {} });
  await b.serve({ 'x@1': {} });
  await waiting;
  for (const { registry } of [a, b, c]) t.is(registry.instances('x').length, 2);
  t.is((await c.registry.discover('x')).length, 2);
  await clock.advance(BEAT_MS);
  t.like(c.registry.instances('x')[0], { load: 0.5, inFlight: 2 });

  await c.registry.setStatus('x', a.id, 'unhealthy', { ttlMs: 60_000 });
  await clock.advance(0);
  for (const { registry } of [a, b, c]) t.is(registry.pick('x')?.nodeId, b.id);
  await c.registry.setStatus('x', a.id, undefined);
  await clock.advance(BEAT_MS);
  t.is(b.registry.instances('x').length, 2);

  await b.link.membership.leave();
  await clock.advance(0);
  t.deepEqual(
    c.registry.instances('x').map(({ nodeId }) => nodeId),
    [a.id],
  );
  // Its beats stop without a word.
  await a.link.close();
  await clock.advance(10 * BEAT_MS);
  t.is(c.registry.instances('x', { status: 'any' }).length, 0);
  t.deepEqual(c.events, [
    'registered x a',
    'registered x b',
    'health x a',
    'health x a',
    'deregistered x b',
    'expired x a',
  ]);
  t.deepEqual(await c.registry.discover('x'), []);
  for (const { registry } of [a, b, c]) registry.close();
  for (const { link } of [b, c]) await link.close();
});
