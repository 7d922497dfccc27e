/** What the memory backend promises beyond the contract. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { pino } from 'pino';
import type { Backend, Link } from '../../src/backend.ts';
import type { BeatOptions, Claim, NodeIdentity } from '../../src/broker.ts';
import type { NodeReport } from '../../src/membership.ts';
import { memory } from '../../src/backends/memory.ts';
import { virtualClock, waitFor } from '../../src/testing/index.ts';

const BEAT: BeatOptions = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
const LIMITS = { maxLength: 1_000, maxBytes: 1_000_000 };

function identity(name: string, beat: BeatOptions = BEAT, namespace = 'own'): NodeIdentity {
  return { name, namespace, beat, log: pino({ level: 'silent' }) };
}

function report(name: string): NodeReport {
  return { name, pid: 1, host: 'here', startedAt: 1, status: 'healthy', serves: {}, inFlight: 0, serviceMs: {} };
}

interface Joined {
  readonly link: Link;
  readonly id: string;
  readonly evictions: string[];
}

async function join(backend: Backend, who: NodeIdentity): Promise<Joined> {
  const link = await backend.connect(who);
  const evictions: string[] = [];
  const id = await link.membership.join(() => report(who.name), { evicted: (reason) => evictions.push(reason), inbox: () => undefined });
  return { link, id, evictions };
}

async function reader(link: Link, mailbox: string, room: number): Promise<Claim[]> {
  const claims: Claim[] = [];
  await link.broker.consume(mailbox, LIMITS, { room: () => room - claims.length, take: (more) => claims.push(...more) });
  return claims;
}

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
  t.is((await heir.link.membership.members()).length, 2);
  await clock.advance(2 * BEAT.intervalMs);
  t.is((await heir.link.membership.members()).length, 1);
  t.deepEqual(adopted.map((claim) => [claim.id, claim.crashes]), [[held[0]?.id, 1]]);
});

test('hours of virtual time cost nobody who beats', async (t) => {
  const clock = virtualClock();
  const backend = memory({ clock });
  const nodes = [await join(backend, identity('a')), await join(backend, identity('b')), await join(backend, identity('c'))];
  await clock.advance(600_000);
  t.is((await nodes[0]!.link.membership.members()).length, 3);
  t.deepEqual(nodes.flatMap((node) => node.evictions), []);
});

test('an event loop that is blocked for longer than the TTL declares nobody dead', async (t) => {
  const beat: BeatOptions = { intervalMs: 10, ttlMs: 40, stallMs: 1_000, evictMs: 30_000 };
  const backend = memory();
  const nodes = [await join(backend, identity('a', beat)), await join(backend, identity('b', beat)), await join(backend, identity('c', beat))];
  for (let round = 0; round < 3; round += 1) {
    const until = performance.now() + 3 * beat.ttlMs;
    while (performance.now() < until);
    const startedAt = performance.now();
    await waitFor(() => performance.now() - startedAt > 30, { withinMs: 5_000, what: 'a few beats' });
  }
  t.is((await nodes[0]!.link.membership.members()).length, 3);
  t.deepEqual(nodes.flatMap((node) => node.evictions), []);
  for (const { link } of nodes) await link.close();
});

test('frames are dealt in turn to those who have room', async (t) => {
  const backend = memory({ clock: virtualClock() });
  const [a, b, c] = [await join(backend, identity('a')), await join(backend, identity('b')), await join(backend, identity('c'))];
  for (let number = 1; number <= 12; number += 1) {
    await a.link.broker.append({ mailbox: 'work@1', number, frame: new Uint8Array([number]), count: 1 });
  }
  const hands = await Promise.all([reader(a.link, 'work@1', 100), reader(b.link, 'work@1', 2), reader(c.link, 'work@1', 100)]);
  await waitFor(() => hands.flat().length === 12, { withinMs: 5_000, what: 'all frames to be dealt' });
  t.deepEqual(hands.map((claims) => claims.length), [5, 2, 5]);
});

test('a consumer with much room leaves the event loop its turns', async (t) => {
  const backend = memory();
  const { link } = await join(backend, identity('a'));
  for (let number = 1; number <= 1_000; number += 1) {
    await link.broker.append({ mailbox: 'work@1', number, frame: new Uint8Array([1]), count: 1 });
  }
  const sizes: number[] = [];
  await link.broker.consume('work@1', LIMITS, { room: () => Infinity, take: (claims) => sizes.push(claims.length) });
  await waitFor(() => sizes.reduce((sum, size) => sum + size, 0) === 1_000, { withinMs: 5_000, what: 'all claims' });
  t.true(sizes.length > 1 && Math.max(...sizes) <= 256);
  await link.close();
});

test('every namespace of a backend object is a world of its own', async (t) => {
  const backend = memory();
  const one = await join(backend, identity('a', BEAT, 'one'));
  const two = await join(backend, identity('a', BEAT, 'two'));
  t.deepEqual((await one.link.membership.members()).map((member) => member.id), [one.id]);
  t.is(await one.link.broker.reply(two.id, new Uint8Array([1])), 'gone');
  for (const { link } of [one, two]) await link.close();
});

test('a reader from before an eviction claims again under the new id', async (t) => {
  const clock = virtualClock();
  const backend = memory({ clock });
  const watcher = await join(backend, identity('watcher'));
  const late = await join(backend, identity('late', { ...BEAT, intervalMs: 6_500 }));
  const claims = await reader(late.link, 'work@1', 10);
  await clock.advance(5_000);
  t.is((await watcher.link.membership.members()).length, 1);
  await watcher.link.broker.append({ mailbox: 'work@1', number: 1, frame: new Uint8Array([1]), count: 1 });
  await clock.advance(2_000);
  t.is(late.evictions.length, 1);
  t.is(claims.length, 0, 'who is no member claims nothing');
  const id = await late.link.membership.join(() => report('late'), { evicted: () => undefined, inbox: () => undefined });
  t.not(id, late.id);
  await clock.advance(0);
  t.deepEqual(await late.link.broker.settle([{ kind: 'done', claim: claims[0]! }]), ['settled']);
});

test('a mask never grows: what was settled stays settled', async (t) => {
  const clock = virtualClock();
  const { link } = await join(memory({ clock }), identity('a'));
  const claims = await reader(link, 'work@1', 10);
  await link.broker.append({ mailbox: 'work@1', number: 1, frame: new Uint8Array([1]), count: 3 });
  await clock.advance(0);
  const claim = claims[0]!;
  await link.broker.settle([{ kind: 'progress', claim, todo: '001' }, { kind: 'progress', claim, todo: '011' }, { kind: 'park', claim, todo: '111' }]);
  t.is((await link.broker.depth('work@1')).messages, 1);
  await clock.advance(2_000);
  t.is(claims[1]?.todo, '001');
});

test('a closed link refuses every call and says that nothing was done', async (t) => {
  const { link } = await join(memory(), identity('a'));
  await link.close();
  await link.close();
  t.false((await link.health()).connected);
  for (const call of [() => link.broker.depth('work@1'), () => link.membership.announce(), () => link.ready()]) {
    const thrown = await t.throwsAsync(call(), { code: 'TRANSPORT' });
    t.like(thrown, { outcome: 'not-executed', retryable: false });
  }
});

test('a report that cannot be made does not cost the node its life', async (t) => {
  const link = await memory().connect(identity('a'));
  const id = await link.membership.join(
    () => {
      throw new Error('no report today');
    },
    { evicted: () => undefined, inbox: () => undefined },
  );
  t.deepEqual(await link.membership.members(), [{ id }]);
  await link.close();
});

test('nothing of it keeps a program alive', async (t) => {
  const program = `
    import { memory } from ${JSON.stringify(new URL('../../src/backends/memory.js', import.meta.url).href)};
    const log = { warn() {} };
    const beat = { intervalMs: 1000, ttlMs: 3000, stallMs: 1000, evictMs: 30000 };
    const link = await memory().connect({ name: 'a', namespace: 'n', beat, log });
    await link.membership.join(() => ({ name: 'a' }), { evicted() {}, inbox() {} });
    await link.broker.consume('work@1', { maxLength: 10, maxBytes: 1000 }, { room: () => 1, take() {} });
    await link.broker.append({ mailbox: 'work@1', number: 1, frame: new Uint8Array(1), count: 1, at: link.now() + 3600000 });
    console.log('the end');
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  t.is(stdout.trim(), 'the end');
});
