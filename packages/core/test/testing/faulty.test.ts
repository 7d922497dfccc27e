import test from 'ava';
import { pino } from 'pino';
import type { Link } from '../../src/backend.ts';
import type { BeatOptions, Claim, MailboxReader } from '../../src/ports/broker.ts';
import type { NewsItem } from '../../src/ports/membership.ts';
import { memory } from '../../src/backends/memory.ts';
import { DEFAULT_BREAKER } from '../../src/policies/service-settings.ts';
import { presence } from '../backends/joined.ts';
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
  readonly news: NewsItem[];
}

async function node(): Promise<Node> {
  const backend = faulty(memory());
  const link = await backend.connect({ name: 'a', namespace: 'faulty', beat: BEAT, log: pino({ level: 'silent' }) });
  const inbox: Uint8Array[] = [];
  const news: NewsItem[] = [];
  const id = await link.membership.join(presence('a'), {
    evicted: () => undefined,
    inbox: (frames) => inbox.push(...frames),
    news: (items) => news.push(...items),
    alerts: () => undefined,
    beaten: () => undefined,
  });
  const claims: Claim[] = [];
  const reader = await link.broker.consume('work@1', LIMITS, { room: () => 10, take: (more) => claims.push(...more) });
  return { backend, link, id, claims, reader, inbox, news };
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
  t.is((await link.membership.members()).members[0]?.id, id, 'sleep evicts nobody');
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

test('asleep it refuses what all nodes share as well, and no beat is answered', async (t) => {
  const { backend, link } = await node();
  backend.sleep();
  const policy = DEFAULT_BREAKER;
  const tally = { successes: 0, failures: 1, trailingFailures: 1 };
  for (const call of [
    () => link.records.all('settings'),
    () => link.records.change({ family: 'settings', name: 'a', body: 1, by: 'a' }),
    () => link.breakers.record('a', tally, policy, 'a'),
    () => link.breakers.probe('a', 100, policy, 'a'),
    () => link.cache.take('a', 'b', 100),
    () => link.permits.take('a', { requests: 1, wanted: 1, ratio: 1, minPerSecond: 1, slots: 1, slotMs: 1 }),
    () => link.state.each('a', [{ kind: 'delete', key: 'b' }]),
    () => link.state.all('a', [{ kind: 'delete', key: 'b' }]),
    () => link.membership.serving('a'),
    () => link.ping(),
  ]) {
    t.like(await t.throwsAsync(call(), { code: 'TRANSPORT' }), { outcome: 'not-executed' });
  }
  backend.wake();
  t.is((await link.breakers.record('a', tally, policy, 'a')).failures, 1, 'what was refused was not done');
  await link.close();
});

test('deafened it loses news, and only those', async (t) => {
  const { backend, link, news } = await node();
  const change = (name: string): Promise<unknown> =>
    link.records.change({ family: 'settings', name, body: 1, by: 'a' });
  await change('before');
  await waitFor(() => news.some(({ id }) => id === 'before'), { ...WAIT, what: 'the first news' });
  backend.deafen(true);
  await change('meanwhile');
  const startedAt = performance.now();
  await waitFor(() => performance.now() - startedAt > BEAT.intervalMs, { ...WAIT, what: 'a beat to pass' });
  backend.deafen(false);
  await change('after');
  await waitFor(() => news.some(({ id }) => id === 'after'), { ...WAIT, what: 'the last news' });
  t.false(news.some(({ id }) => id === 'meanwhile'));
  t.is((await link.records.all('settings')).length, 3);
  await link.close();
});
