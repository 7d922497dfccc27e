import test from 'ava';
import fc from 'fast-check';
import { toldHealth } from '../../src/registry/service-view.ts';
import { parseReport } from '../../src/ports/report.ts';
import { reportOf, World, type Watcher } from './world.ts';

/** What may happen, to one of five nodes and three services. */
const step = fc.record({
  act: fc.constantFrom(
    'put',
    'put',
    'put',
    'left',
    'expired',
    'block',
    'unblock',
    'repeat',
    'beats',
    'mark',
    'unmark',
    'discover',
  ),
  node: fc.nat(4).map((n) => `n${n}`),
  service: fc.constantFrom('x', 'y', 'z'),
  status: fc.constantFrom('healthy' as const, 'degraded' as const, 'unhealthy' as const),
});

function truth(world: World): string[] {
  return [...world.reports]
    .flatMap(([nodeId, given]) => {
      const { serves = {}, ...node } = parseReport(given) ?? {};
      return Object.entries(serves).map(([mailbox, served]) => {
        const mark = world.records.get(`${mailbox.slice(0, -2)}/${nodeId}`)?.body as { status: string } | undefined;
        const { status } = toldHealth({ ...reportOf({}), ...node }, served);
        return `${mailbox} ${nodeId} ${mark?.status ?? status}`;
      });
    })
    .sort((one, other) => (one < other ? -1 : 1));
}

function seen({ registry }: Watcher): string[] {
  return ['x', 'y', 'z']
    .flatMap((service) =>
      registry
        .instances(service, { status: 'any' })
        .map(({ mailbox, nodeId, status }) => `${mailbox} ${nodeId} ${status}`),
    )
    .sort((one, other) => (one < other ? -1 : 1));
}

/** What a program that only listens believes. */
function heard({ events }: Watcher): string[] {
  const there = new Set<string>();
  for (const event of events) {
    const [name = '', service = '', nodeId = ''] = event.split(' ');
    const instance = `${service}@1 ${nodeId}`;
    if (name === 'registered') {
      if (there.has(instance)) throw new Error(`told twice: ${event}`);
      there.add(instance);
    } else if (name !== 'health' && !there.delete(instance))
      throw new Error(`gone without having been there: ${event}`);
  }
  return [...there].sort((one, other) => (one < other ? -1 : 1));
}

test('after any history of news, losses and repeats, what is seen and what was told is what is there', async (t) => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 40 }),
    fc.constantFrom(2, 1_000),
    async (steps, maxServices) => {
      const world = new World();
      const watcher = await world.watch({ maxServices });
      for (const { act, node, service, status } of steps) {
        const there = world.reports.has(node);
        if (act === 'put') world.put(node, reportOf({ [`${service}@1`]: { status }, 'x@1': {} }));
        else if ((act === 'left' || act === 'expired') && there) world.remove(node, act);
        else if (act === 'block' || act === 'unblock') watcher.blocked = act === 'block';
        else if (act === 'repeat') watcher.registry.apply(world.news);
        else if (act === 'beats') await world.beats(2);
        else if (act === 'mark' && there) await watcher.registry.setStatus(service, node, status);
        else if (act === 'unmark' && there) await watcher.registry.setStatus(service, node, undefined);
        else if (act === 'discover') await watcher.registry.discover(service).catch(() => undefined);
      }
      await world.beats(3);
      // Services that gave way come back when they are asked for.
      seen(watcher);
      await world.clock.advance(0);
      if (maxServices > 2) t.deepEqual(seen(watcher), truth(world));
      t.deepEqual(
        heard(watcher),
        truth(world).map((line) => line.split(' ').slice(0, 2).join(' ')),
      );
      t.true(watcher.registry.size <= maxServices);
      for (const { nodeId, mailbox } of ['x', 'y', 'z'].flatMap((name) =>
        watcher.registry.peek(name, { status: 'any' }),
      ))
        t.true(truth(world).some((line) => line.startsWith(`${mailbox} ${nodeId} `)));
      watcher.registry.close();
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test('what was found by asking, and was over before any news of it came, is not kept', async (t) => {
  const world = new World();
  const watcher = await world.watch({});
  watcher.blocked = true;
  world.put('n1', reportOf({ 'y@1': {}, 'x@1': {} }));
  await watcher.registry.discover('y');
  t.deepEqual(seen(watcher), ['y@1 n1 healthy']);
  world.put('n1', reportOf({ 'x@1': {} }));
  await world.beats(3);
  t.deepEqual(seen(watcher), ['x@1 n1 healthy']);
  watcher.registry.close();
});
