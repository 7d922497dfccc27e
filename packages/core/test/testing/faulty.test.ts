import test from 'ava';
import { pino } from 'pino';
import type { Link } from '../../src/backend.ts';
import type { BeatOptions, Claim, MailboxReader } from '../../src/broker.ts';
import { memory } from '../../src/backends/memory.ts';
import { faulty, waitFor, type FaultyBackend } from '../../src/testing/index.ts';

const BEAT: BeatOptions = { intervalMs: 50, ttlMs: 300, stallMs: 300, evictMs: 5_000 };
const LIMITS = { maxLength: 1_000, maxBytes: 1_000_000 };
const WAIT = { withinMs: 5_000 };

interface Node {
  readonly backend: FaultyBackend;
  readonly link: Link;
  readonly id: string;
  readonly claims: Claim[];
  readonly reader: MailboxReader;
  readonly inbox: Uint8Array[];
}

async function node(): Promise<Node> {
  const backend = faulty(memory());
  const link = await backend.connect({ name: 'a', namespace: 'faulty', beat: BEAT, log: pino({ level: 'silent' }) });
  const inbox: Uint8Array[] = [];
  const report = {
    name: 'a',
    pid: 1,
    host: 'here',
    startedAt: 1,
    status: 'healthy',
    serves: {},
    inFlight: 0,
    serviceMs: {},
  } as const;
  const id = await link.membership.join(() => report, {
    evicted: () => undefined,
    inbox: (frames) => inbox.push(...frames),
  });
  const claims: Claim[] = [];
  const reader = await link.broker.consume('work@1', LIMITS, { room: () => 10, take: (more) => claims.push(...more) });
  return { backend, link, id, claims, reader, inbox };
}

const frame = (number: number): { mailbox: string; number: number; frame: Uint8Array; count: number } => ({
  mailbox: 'work@1',
  number,
  frame: new Uint8Array([number]),
  count: 1,
});

test('without faults it changes nothing', async (t) => {
  const { backend, link, claims } = await node();
  t.is(backend.name, 'faulty memory');
  await link.broker.append(frame(1));
  await waitFor(() => claims.length === 1, { ...WAIT, what: 'the claim' });
  t.deepEqual(await link.broker.settle([{ kind: 'done', claim: claims[0]! }]), ['settled']);
  t.true((await link.health()).connected);
  await link.close();
});

test('asleep it refuses calls as not executed, claims nothing and keeps the inbox silent; awake all goes on', async (t) => {
  const { backend, link, id, claims, inbox } = await node();
  await link.broker.append(frame(1));
  await link.broker.reply(id, new Uint8Array([7]));
  backend.sleep();
  const thrown = await t.throwsAsync(link.broker.append(frame(2)), { code: 'TRANSPORT' });
  t.like(thrown, { outcome: 'not-executed' });
  t.false((await link.health()).connected);
  const ready = link.ready();
  await t.throwsAsync(link.ready(AbortSignal.abort(new Error('enough'))), { message: 'enough' });
  const startedAt = performance.now();
  await waitFor(() => performance.now() - startedAt > 2 * BEAT.ttlMs, { ...WAIT, what: 'two TTLs of sleep' });
  t.deepEqual([claims.length, inbox.length], [0, 0]);
  backend.wake();
  await ready;
  await waitFor(() => claims.length === 1 && inbox.length === 1, { ...WAIT, what: 'the claim and the reply' });
  t.is((await link.broker.append(frame(2))).kind, 'accepted');
  t.is((await link.membership.members())[0]?.id, id, 'sleep evicts nobody');
  await link.close();
});

test('a dropped reply is carried out and its outcome unknown; the repeat is harmless', async (t) => {
  const { backend, link, claims } = await node();
  backend.dropNextReply('append');
  t.deepEqual(await link.broker.settle([]), [], 'only the kind that was named');
  const thrown = await t.throwsAsync(link.broker.append(frame(1)), { code: 'TRANSPORT' });
  t.like(thrown, { outcome: 'unknown' });
  t.is((await link.broker.append(frame(1))).kind, 'accepted');
  await link.broker.append(frame(2));
  await waitFor(() => claims.length === 2, { ...WAIT, what: 'both frames' });
  backend.dropNextReply();
  const batch = claims.map((claim) => ({ kind: 'done' as const, claim }));
  await t.throwsAsync(link.broker.settle(batch), { code: 'TRANSPORT' });
  t.deepEqual(await link.broker.settle(batch), ['lost', 'lost']);
  t.is((await link.broker.depth('work@1')).messages, 0);
  await link.close();
});

test('a claim delivered twice comes again after it was settled, and then it is lost', async (t) => {
  const { backend, link, claims } = await node();
  backend.deliverTwice();
  await link.broker.append(frame(1));
  await link.broker.append(frame(2));
  await waitFor(() => claims.length === 2, { ...WAIT, what: 'both frames' });
  const [first, second] = claims;
  t.deepEqual(
    await link.broker.settle([
      { kind: 'done', claim: first! },
      { kind: 'done', claim: second! },
    ]),
    ['settled', 'settled'],
  );
  await waitFor(() => claims.length === 3, { ...WAIT, what: 'the second delivery' });
  t.is(claims[2]?.id, first?.id);
  t.deepEqual(await link.broker.settle([{ kind: 'done', claim: claims[2]! }]), ['lost']);
  await link.close();
});

test('a cut leaves what is in flight unknown and nothing else', async (t) => {
  const { backend, link, claims } = await node();
  const inFlight = link.broker.append(frame(1));
  backend.cut();
  t.like(await t.throwsAsync(inFlight, { code: 'TRANSPORT' }), { outcome: 'unknown' });
  t.is((await link.broker.append(frame(1))).kind, 'accepted');
  await link.broker.append(frame(2));
  await waitFor(() => claims.length === 2, { ...WAIT, what: 'each frame once' });
  await link.close();
});
