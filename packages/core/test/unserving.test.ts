import test, { type ExecutionContext } from 'ava';
import { actor, type Actor } from '../src/contract/actor.ts';
import { memory } from '../src/backends/memory.ts';
import { contract } from '../src/contract/contract.ts';
import { createTestNode, mockActor, virtualClock, waitFor, type TestNode } from '../src/testing/index.ts';

const work = contract('work', { methods: { hold: { kind: 'query' }, ask: { kind: 'query' } } });
const WAIT = { withinMs: 5_000 };

/** Holds what it is asked to hold until it is opened. */
function holding(): { held: Actor<typeof work.methods>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { held: actor(work, { hold: () => opened, ask: () => undefined }), open: () => open() };
}

async function holder(t: ExecutionContext, node: TestNode): Promise<{ open: () => void; answer: Promise<unknown> }> {
  const { held, open } = holding();
  t.teardown(open);
  await node.serve(held);
  const caller = await createTestNode({ name: 'caller', backend: node.backend });
  t.teardown(() => caller.close());
  const answer = caller.client(work, { retry: false }).hold.try();
  await waitFor(() => node.stats().inFlight === 1, { ...WAIT, what: 'the handler to run' });
  return { open, answer };
}

test('a node that closes while an actor of it is on its way out lets that finish, too', async (t) => {
  const node = await createTestNode({ drainMs: 5_000 });
  const { open, answer } = await holder(t, node);
  const unserved = node.unserve(work);
  const closed = node.close();
  open();
  await Promise.all([unserved, closed]);
  t.like(await answer, { ok: true });
  t.is(node.stats().inFlight, 0);
});

test('an actor on its way out is told of as draining, and takes no part in what is asked of all', async (t) => {
  const node = await createTestNode();
  t.teardown(() => node.close());
  const { open } = await holder(t, node);
  const unserved = node.unserve(work);
  const status = (): string | undefined => node.registry.instances('work', { status: 'any' })[0]?.status;
  await waitFor(() => status() === 'draining', { ...WAIT, what: 'the others to be told' });
  t.is(node.registry.pick('work'), null);
  open();
  await unserved;
  await waitFor(() => status() === undefined, { ...WAIT, what: 'it to be gone' });
  t.is(node.lag(work), undefined);
});

test('an eviction does not bring back what is on its way out', async (t) => {
  const clock = virtualClock();
  const backend = memory({ clock });
  const node = await createTestNode({ backend, beat: { intervalMs: 100_000, ttlMs: 300_000 } });
  t.teardown(() => node.close());
  const { held } = holding();
  const staying = contract('staying', { methods: { ask: {} } });
  await node.serve(held);
  await node.serve(mockActor(staying, { ask: undefined }));
  const before = node.id;
  const api = node.client(work, { retry: false });
  const answer = api.hold.try();
  await waitFor(() => node.stats().inFlight === 1, { ...WAIT, what: 'the handler to run' });
  const unserved = node.unserve(work, { drainMs: 60_000 });
  const hasty = await createTestNode({ name: 'hasty', backend, beat: { intervalMs: 50, ttlMs: 250 } });
  // Others see it die; it notices with its own next beat.
  await clock.advance(1_000);
  await hasty.close();
  await clock.advance(100_000);
  await unserved;
  t.like(await answer, { ok: false });
  await waitFor(() => node.id !== before, { ...WAIT, what: 'the node to join again' });
  await waitFor(() => node.registry.instances('staying').length === 1, { ...WAIT, what: 'the other actor' });
  t.is(node.registry.instances('work', { status: 'any' }).length, 0);
  t.is(await node.client(staying).ask(), undefined);
});

test('a mailbox that nobody serves any more keeps what is sent to it', async (t) => {
  const node = await createTestNode();
  t.teardown(() => node.close());
  const mock = mockActor(work, { ask: undefined });
  await node.serve(mock);
  await node.unserve(work);
  await node.client(work).ask.cast();
  t.is((await node.depth(work)).messages, 1);
  await node.serve(mock);
  await waitFor(() => mock.calls.ask.length === 1, { ...WAIT, what: 'the cast' });
});
