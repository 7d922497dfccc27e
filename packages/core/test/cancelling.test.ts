import test from 'ava';
import { pino } from 'pino';
import { z } from 'zod';
import { memory } from '../src/backends/memory.ts';
import { actor } from '../src/contract/actor.ts';
import { contract } from '../src/contract/contract.ts';
import { createNode } from '../src/node/create-node.ts';
import { PresenceOf } from '../src/registry/presence-of.ts';
import { Cancelled } from '../src/serving/gates/cancelled.ts';
import type { Delivery } from '../src/serving/delivery.ts';
import { waitFor } from '../src/testing/wait-for.ts';

const log = pino({ level: 'silent' });
const patient = contract('patient', {
  methods: { heed: { input: z.string() }, spin: {}, heard: { output: z.array(z.string()) } },
});
const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 20_000, what });

test('in a thread the signal aborts too; a handler that ignores it loses its thread', async (t) => {
  t.timeout(60_000);
  const backend = memory();
  const lines: string[] = [];
  const written = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const server = await createNode({ backend, name: 'server', log: written, signals: false });
  const node = await createNode({ backend, name: 'caller', log, signals: false });
  t.teardown(() => Promise.all([server.close({ drainMs: 50 }), node.close()]));
  await server.serve(new URL('fixtures/patient.actor.js', import.meta.url), { pool: 'threads', threads: 1 });
  await until('the server to be known', () => node.registry.instances('patient').length === 1);
  const api = node.client(patient);
  const controller = new AbortController();
  const asked = api.heed('a', { signal: controller.signal });
  // What has not begun is just taken back.
  await until('the handler to run', () => lines.some((line) => line.includes('heeding')));
  controller.abort();
  await t.throwsAsync(asked, { code: 'ABORTED' });
  await until('the handler to end', () => server.stats().inFlight === 0);
  t.deepEqual(await api.heard(), ['a ABORTED']);

  const again = new AbortController();
  const spinning = api.spin(undefined, { signal: again.signal, timeoutMs: 60_000 });
  await until('the handler to run', () => lines.some((line) => line.includes('spinning')));
  again.abort();
  await t.throwsAsync(spinning, { code: 'ABORTED' });
  await until('its thread to be ended', () => server.stats().inFlight === 0);
  t.deepEqual(await api.heard(), [], 'another thread answers');
  t.is(server.stats().redelivered, 0, 'nobody wants it again');
});

test('an actor with a method that yields is not served in threads', async (t) => {
  const node = await createNode({ backend: memory(), log, signals: false });
  t.teardown(() => node.close());
  const refused = await t.throwsAsync(
    node.serve(new URL('fixtures/yielding.actor.js', import.meta.url), { pool: 'threads', threads: 1 }),
    { code: 'CONFIG' },
  );
  t.regex(refused.message, /yielding\.list yields/);
  await node.serve(new URL('fixtures/yielding.actor.js', import.meta.url));
});

const asDelivery = (caller: string, correlation: number, isCall = true): Delivery =>
  ({ caller, isCall, envelope: { correlation } }) as unknown as Delivery;

test('cancelled calls are remembered for a while, and not without bound', (t) => {
  let now = 0;
  const cancelled = new Cancelled({ now: () => now, elapsed: () => now });
  cancelled.remember('a-1', 7);
  t.deepEqual(cancelled.enter(asDelivery('a-1', 7)), { kind: 'end' });
  for (const other of [asDelivery('a-1', 8), asDelivery('a-2', 7), asDelivery('a-1', 7, false)])
    t.is(cancelled.enter(other), undefined);
  now = 59_000;
  t.deepEqual(cancelled.enter(asDelivery('a-1', 7)), { kind: 'end' });
  now = 61_000;
  t.is(cancelled.enter(asDelivery('a-1', 7)), undefined);
  t.is(cancelled.size, 0);
  for (let correlation = 1; correlation <= 25_000; correlation += 1) cancelled.remember('hostile-1', correlation);
  t.is(cancelled.size, 10_000);
  t.deepEqual(cancelled.enter(asDelivery('hostile-1', 25_000)), { kind: 'end' });
});

test('whether a node is gone is asked of the backend only where nobody has heard of it, once for all who ask', async (t) => {
  let reads = 0;
  let fails = false;
  const presence = new PresenceOf({
    log,
    has: (id) => id === 'known-1',
    membership: {
      members: async () => {
        reads += 1;
        await Promise.resolve();
        if (fails) throw new Error('away');
        return { members: [{ id: 'known-1' }, { id: 'new-1' }], seq: 1 };
      },
    },
  });
  t.is(presence.isGone('known-1'), false);
  presence.gone('dead-1');
  t.is(presence.isGone('dead-1'), true);
  t.is(reads, 0);
  t.deepEqual(await Promise.all([presence.isGone('new-1'), presence.isGone('new-1')]), [false, false]);
  t.is(reads, 1);
  t.is(await presence.isGone('stranger-1'), true);
  t.is(presence.isGone('stranger-1'), true);
  t.is(reads, 2);
  fails = true;
  t.is(await presence.isGone('unsure-1'), false, 'what nobody knows is not skipped');
});

test.serial('one signal ends any number of requests, and nobody takes that for a leak', async (t) => {
  const many = contract('many', { methods: { hold: {}, items: { yields: z.number() } } });
  const node = await createNode({ backend: memory(), log, signals: false });
  t.teardown(() => node.close({ drainMs: 50 }));
  const stays = async (signal: AbortSignal): Promise<void> => {
    const aborted = (): Promise<void> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.all(Array.from({ length: 12 }, aborted));
  };
  await node.serve(
    actor(many, {
      hold: (_input, { signal }) => stays(signal),
      async *items(_input, { signal }) {
        yield 1;
        await stays(signal);
      },
    }),
  );
  const warnings: string[] = [];
  const warned = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const controller = new AbortController();
  const { signal } = controller;
  const [remote, local] = [node.client(many), node.client(many, { delivery: 'local' })];
  const streams = Array.from({ length: 12 }, () => remote.items(undefined, { signal }));
  for (const stream of streams) await stream.next();
  const asked = [
    ...Array.from({ length: 12 }, () => remote.hold(undefined, { signal })),
    ...Array.from({ length: 12 }, () => local.hold(undefined, { signal })),
    ...streams.map((stream) => stream.next()),
  ];
  await until('all to run', () => node.stats().inFlight === 36);
  controller.abort();
  for (const one of await Promise.allSettled(asked)) t.is(one.status, 'rejected');
  await until('all to end', () => node.stats().inFlight === 0);
  t.deepEqual(warnings, []);
});
