/** Shared records: changed by one at a time, gone in time, remembered. */
import test from 'ava';
import { TestNode, until } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `records-${process.pid}-${++spaces}`;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

const family = 'settings';

test.serial('a change expects a revision or none; whoever comes second is told where it stands', async (t) => {
  const node = await TestNode.joined(server.url, space(), 'node');
  const { records } = node.link;
  const by = 'ann "the" admin\n';
  const first = await records.change({ family, name: 'users', body: { list: [], none: null }, expected: 0, by });
  if (first.kind !== 'changed') throw new Error('conflict');
  t.deepEqual(first.record, {
    name: 'users',
    revision: 1,
    body: { list: [], none: null },
    by,
    at: first.record.at,
  });
  t.true(Math.abs(first.record.at - node.link.now()) < 1_000);
  t.deepEqual(await records.change({ family, name: 'users', body: 1, expected: 0, by }), {
    kind: 'conflict',
    revision: 1,
  });
  const race = await Promise.all(
    [2, 3, 4].map((body) => records.change({ family, name: 'users', body, expected: 1, by })),
  );
  t.is(race.filter(({ kind }) => kind === 'changed').length, 1);
  t.deepEqual(
    race.filter(({ kind }) => kind === 'conflict'),
    [
      { kind: 'conflict', revision: 2 },
      { kind: 'conflict', revision: 2 },
    ],
  );
  await node.end();
});

test.serial('revisions grow over removal and over time to live', async (t) => {
  const node = await TestNode.joined(server.url, space(), 'node');
  const { records } = node.link;
  const change = (body: unknown, more: object = {}): ReturnType<typeof records.change> =>
    records.change({ family, name: 'mark', body, by: 'x', ...more });
  await change('a');
  const removed = await change(undefined, { expected: 1 });
  t.like(removed, { kind: 'changed', record: { revision: 2 } });
  t.deepEqual(await records.all(family), []);
  t.deepEqual(await change('b', { expected: 2 }), { kind: 'conflict', revision: 0 }, 'there is none');
  const passing = await change('c', { expected: 0, ttlMs: 60 });
  if (passing.kind !== 'changed') throw new Error('conflict');
  t.is(passing.record.revision, 3);
  t.is((passing.record.until ?? 0) - passing.record.at, 60);
  await until('its end', async () => (await records.all(family)).length === 0);
  t.true(node.link.now() >= (passing.record.until ?? 0) - 5);
  t.like(await change('d', { expected: 0 }), { kind: 'changed', record: { revision: 4 } });
  t.deepEqual(
    (await records.history(family, 10)).map(({ revision, body }) => [revision, body]),
    [
      [1, 'a'],
      [2, undefined],
      [3, 'c'],
      [4, 'd'],
    ],
  );
  t.deepEqual(
    (await records.history(family, 2)).map(({ revision }) => revision),
    [3, 4],
  );
  t.deepEqual(await records.history('nothing', 5), []);
  await until('the news', () => node.news.length === 4);
  t.deepEqual(
    node.news.map(({ kind, id, body }) => [kind, id, (body as { revision: number }).revision]),
    [1, 2, 3, 4].map((revision) => [family, 'mark', revision]),
  );
  await node.end();
});

test.serial('what was removed long ago is forgotten, but not how far its revision went', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const { records } = node.link;
  const key = `{${ns}:0}:records:${family}`;
  const old = Date.now() - 2 * 86_400_000;
  for (let i = 0; i < 20; i += 1)
    await server.client.hset(
      key,
      `gone-${i}`,
      JSON.stringify({ name: `gone-${i}`, revision: 40 + i, at: old, by: 'x' }),
    );
  await until('all forgotten', async () => {
    await records.change({ family, name: 'kept', body: 1, by: 'x' });
    return (await server.client.hlen(key)) === 1;
  });
  t.like(await records.change({ family, name: 'gone-3', body: 1, by: 'x' }), { record: { revision: 60 } });
  await node.end();
});

test.serial('a record that cannot be read is skipped and logged, and can be changed (S4-37)', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const { records } = node.link;
  await server.client.hset(`{${ns}:0}:records:${family}`, 'bad', '{no json', 'worse', '[]', 'worst', 'null');
  await records.change({ family, name: 'good', body: 1, by: 'x' });
  t.deepEqual(
    (await records.all(family)).map(({ name }) => name),
    ['good'],
  );
  t.is(node.warnings.filter((warning) => warning.includes('record_invalid')).length, 3);
  t.like(await records.change({ family, name: 'bad', body: 2, expected: 0, by: 'x' }), { record: { revision: 1 } });
  await node.end();
});

test.serial('who is no member changes nothing', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const { records } = node.link;
  const change = (): Promise<unknown> => records.change({ family, name: 'x', body: 1, by: 'x' });
  await server.client.hdel(`{${ns}:0}:members`, node.id);
  t.like(await t.throwsAsync(change()), { code: 'NOT_MEMBER', outcome: 'not-executed' });
  t.like(await t.throwsAsync(change()), { code: 'NOT_MEMBER', outcome: 'not-executed' });
  t.is(node.evictions.length, 1);
  t.deepEqual(await records.all(family), []);
  t.like(await t.throwsAsync(records.change({ family, name: 'x', body: () => 1, by: 'x' })), { code: 'NOT_MEMBER' });
  await node.join();
  t.like(await t.throwsAsync(records.change({ family, name: 'x', body: () => 1, by: 'x' })), { code: 'SERIALIZATION' });
  await node.end();
});
