/** What the memory backend promises beyond the contract. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { memory } from '../../src/backends/memory.ts';
import type { NewsItem } from '../../src/ports/membership.ts';
import { DEFAULT_BREAKER } from '../../src/policies/service-settings.ts';
import { virtualClock, waitFor } from '../../src/testing/index.ts';
import { BEAT, LIMITS, identity, join, memberIds, presence, reader } from './joined.ts';

test('frames are dealt in turn to those who have room', async (t) => {
  const backend = memory({ clock: virtualClock() });
  const [a, b, c] = [
    await join(backend, identity('a')),
    await join(backend, identity('b')),
    await join(backend, identity('c')),
  ];
  for (let number = 1; number <= 12; number += 1) {
    await a.link.broker.append({ mailbox: 'work@1', number, frame: new Uint8Array([number]), count: 1 });
  }
  const hands = await Promise.all([
    reader(a.link, 'work@1', 100),
    reader(b.link, 'work@1', 2),
    reader(c.link, 'work@1', 100),
  ]);
  await waitFor(() => hands.flat().length === 12, { withinMs: 5_000, what: 'all frames to be dealt' });
  t.deepEqual(
    hands.map((claims) => claims.length),
    [5, 2, 5],
  );
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
  t.deepEqual(await memberIds(one.link), [one.id]);
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
  t.is((await memberIds(watcher.link)).length, 1);
  await watcher.link.broker.append({ mailbox: 'work@1', number: 1, frame: new Uint8Array([1]), count: 1 });
  await clock.advance(2_000);
  t.is(late.evictions.length, 1);
  t.is(claims.length, 0, 'who is no member claims nothing');
  const id = await late.link.membership.join(presence('late'), {
    evicted: () => undefined,
    inbox: () => undefined,
    news: () => undefined,
    alerts: () => undefined,
    beaten: () => undefined,
  });
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
  await link.broker.settle([
    { kind: 'progress', claim, todo: '001' },
    { kind: 'progress', claim, todo: '011' },
    { kind: 'park', claim, todo: '111' },
  ]);
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
    {
      ...presence('a'),
      report: () => {
        throw new Error('no report today');
      },
    },
    {
      evicted: () => undefined,
      inbox: () => undefined,
      news: () => undefined,
      alerts: () => undefined,
      beaten: () => undefined,
    },
  );
  t.deepEqual((await link.membership.members()).members, [{ id }]);
  await link.close();
});

test('what news carry is the reader’s own', async (t) => {
  const backend = memory();
  const heard: NewsItem[][] = [[], []];
  const links = await Promise.all(
    heard.map(async (items, index) => {
      const link = await backend.connect(identity(`node-${index}`));
      await link.membership.join(presence(`node-${index}`), {
        evicted: () => undefined,
        inbox: () => undefined,
        news: (more) => items.push(...more),
        alerts: () => undefined,
        beaten: () => undefined,
      });
      return link;
    }),
  );
  const body = { deep: { value: 1 } };
  await links[0]?.records.change({ family: 'settings', name: 'users', body, by: 'ann' });
  t.false(
    heard.flat().some(({ kind }) => kind === 'settings'),
    'nobody is told before the change is done',
  );
  const found = (index: number): typeof body | undefined => {
    const item = heard[index]?.find(({ kind }) => kind === 'settings');
    return (item?.body as { readonly body: typeof body } | undefined)?.body;
  };
  await waitFor(() => found(0) !== undefined && found(1) !== undefined, {
    withinMs: 5_000,
    what: 'both to hear of it',
  });
  (found(0) as typeof body).deep.value = 2;
  t.is(found(1)?.deep.value, 1);
  t.deepEqual((await links[1]?.records.all('settings'))?.[0]?.body, { deep: { value: 1 } });
  for (const link of links) await link.close();
});

test('a closed breaker that nobody tells of anything is forgotten after hours, an open one is not', async (t) => {
  const clock = virtualClock();
  const { breakers } = (await join(memory({ clock }), identity('a'))).link;
  const one = { successes: 0, failures: 1, trailingFailures: 1 };
  await breakers.record('quiet', one, DEFAULT_BREAKER, 'a');
  await breakers.force('open', { to: 'open', reason: 'for good', by: 'ann' });
  t.is((await breakers.all()).length, 2);
  await clock.advance(7 * 3_600_000);
  t.deepEqual(
    (await breakers.all()).map(({ name }) => name),
    ['open'],
  );
});

test('nothing of it keeps a program alive', async (t) => {
  const program = `
    import { memory } from ${JSON.stringify(new URL('../../src/backends/memory.js', import.meta.url).href)};
    const log = { warn() {} };
    const beat = { intervalMs: 1000, ttlMs: 3000, stallMs: 1000, evictMs: 30000 };
    const link = await memory().connect({ name: 'a', namespace: 'n', beat, log });
    await link.membership.join(
      { report: () => ({ name: 'a' }), vitals: () => ({}) },
      { evicted() {}, inbox() {}, news() {}, alerts() {}, beaten() {} },
    );
    await link.broker.consume('work@1', { maxLength: 10, maxBytes: 1000 }, { room: () => 1, take() {} });
    await link.broker.append({ mailbox: 'work@1', number: 1, frame: new Uint8Array(1), count: 1, at: link.now() + 3600000 });
    console.log('the end');
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 20_000,
  });
  t.is(stdout.trim(), 'the end');
});
