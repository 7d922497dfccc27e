/** Who is dead, and when: on a clock whose hands the test turns, and on one that the test holds up. */
import test from 'ava';
import type { BeatOptions } from '../../src/ports/broker.ts';
import { memory } from '../../src/backends/memory.ts';
import { virtualClock, waitFor } from '../../src/testing/index.ts';
import { BEAT, identity, join, memberIds, reader } from './joined.ts';

test('a silent member is removed within its TTL and a second, and not before its TTL', async (t) => {
  const clock = virtualClock();
  const backend = memory({ clock });
  const heir = await join(backend, identity('heir'));
  await clock.advance(700);
  const mortal = await join(backend, identity('mortal'));
  const held = await reader(mortal.link, 'work@1', 1);
  await heir.link.broker.append({ mailbox: 'work@1', number: 1, frame: new Uint8Array([1]), count: 1 });
  await clock.advance(5_000);
  t.is(held.length, 1);
  const adopted = await reader(heir.link, 'work@1', 1);
  await mortal.link.close();
  // Its last beat was up to a second ago.
  await clock.advance(BEAT.ttlMs - BEAT.intervalMs);
  t.is((await memberIds(heir.link)).length, 2);
  await clock.advance(2 * BEAT.intervalMs);
  t.is((await memberIds(heir.link)).length, 1);
  t.deepEqual(
    adopted.map((claim) => [claim.id, claim.crashes]),
    [[held[0]?.id, 1]],
  );
});

test('one node alone can be held up: the others take it for dead', async (t) => {
  const [clock, own] = [virtualClock(), virtualClock()];
  const backend = memory({ clock, timersOf: ({ name }) => (name === 'still' ? own : clock) });
  const living = await join(backend, identity('living'));
  const still = await join(backend, identity('still'));
  await clock.advance(BEAT.ttlMs + 2 * BEAT.intervalMs);
  t.deepEqual(await memberIds(living.link), [living.id]);
  t.deepEqual(still.evictions, []);
  await own.advance(BEAT.intervalMs);
  t.is(still.evictions.length, 1);
});

test('hours of virtual time cost nobody who beats', async (t) => {
  const clock = virtualClock();
  const backend = memory({ clock });
  const nodes = [
    await join(backend, identity('a')),
    await join(backend, identity('b')),
    await join(backend, identity('c')),
  ];
  await clock.advance(600_000);
  t.is((await memberIds(nodes[0]!.link)).length, 3);
  t.deepEqual(
    nodes.flatMap((node) => node.evictions),
    [],
  );
});

test('an event loop that is blocked for longer than the TTL declares nobody dead', async (t) => {
  const beat: BeatOptions = { intervalMs: 10, ttlMs: 40, stallMs: 1_000, evictMs: 30_000 };
  const backend = memory();
  const nodes = [
    await join(backend, identity('a', beat)),
    await join(backend, identity('b', beat)),
    await join(backend, identity('c', beat)),
  ];
  for (let round = 0; round < 3; round += 1) {
    const until = performance.now() + 3 * beat.ttlMs;
    while (performance.now() < until);
    const startedAt = performance.now();
    await waitFor(() => performance.now() - startedAt > 30, { withinMs: 5_000, what: 'a few beats' });
  }
  t.is((await memberIds(nodes[0]!.link)).length, 3);
  t.deepEqual(
    nodes.flatMap((node) => node.evictions),
    [],
  );
  for (const { link } of nodes) await link.close();
});
