import type { RecordResult, SharedRecord } from '../../ports/records.ts';
import { waitFor } from '../wait-for.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

const FAMILY = 'settings';

export function records(promised: Promised): void {
  promised('a record that was changed is read by every node, and is news', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const body = { timeoutMs: 500, tags: ['blue'], deep: { on: true } };
    const before = a.link.now();
    const record = recordOf(await a.link.records.change({ family: FAMILY, name: 'users', body, by: 'ann' }));
    body.deep.on = false;
    t.true(record.at >= before - 1_000 && record.at <= a.link.now() + 1_000);
    const expected = {
      name: 'users',
      revision: 1,
      at: record.at,
      by: 'ann',
      body: { timeoutMs: 500, tags: ['blue'], deep: { on: true } },
    };
    t.deepEqual(record, expected);
    t.deepEqual(await b.link.records.all(FAMILY), [expected]);
    t.deepEqual((await b.hears(FAMILY, 'users')).body, expected);
    t.deepEqual(await b.link.records.all('another'), []);
  });

  promised('of changes that expect the same revision one wins (S2-34)', async (t, stage) => {
    const peers = [await stage.peer('a'), await stage.peer('b')];
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (peers[index % 2] as (typeof peers)[number]).link.records.change({
          ...{ family: FAMILY, name: 'users', by: `person ${index}` },
          ...{ body: { index }, expected: 0 },
        }),
      ),
    );
    const winners = results.filter((result) => result.kind === 'changed');
    t.is(winners.length, 1);
    t.deepEqual(
      results.filter((result) => result.kind === 'conflict'),
      Array.from({ length: 9 }, () => ({ kind: 'conflict', revision: 1 })),
    );
    const winner = recordOf(winners[0]);
    t.deepEqual(await peers[0]?.link.records.all(FAMILY), [winner]);
    t.deepEqual(await peers[1]?.link.records.history(FAMILY, 10), [winner], 'who lost has changed nothing');
  });

  promised('the history tells who changed what, in order (S2-36)', async (t, stage) => {
    const { link } = await stage.peer('a');
    const change = async (by: string, body: unknown): Promise<SharedRecord> =>
      recordOf(await link.records.change({ family: FAMILY, name: 'users', body, by }));
    const all = [await change('ann', { n: 1 }), await change('bob', { n: 2 }), await change('cid', undefined)];
    t.deepEqual(await link.records.history(FAMILY, 10), all);
    t.deepEqual(await link.records.history(FAMILY, 2), all.slice(1));
    t.deepEqual(
      all.map(({ revision, by, body }) => [revision, by, body]),
      [
        [1, 'ann', { n: 1 }],
        [2, 'bob', { n: 2 }],
        [3, 'cid', undefined],
      ],
    );
    t.true(all.every(({ at }, index) => index === 0 || at >= (all[index - 1] as SharedRecord).at));
  });

  promised('a removed record is gone, and its revision goes on', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await a.link.records.change({ family: FAMILY, name: 'users', body: 1, by: 'ann' });
    const removed = recordOf(
      await a.link.records.change({ family: FAMILY, name: 'users', body: undefined, expected: 1, by: 'ann' }),
    );
    t.deepEqual([removed.revision, removed.body], [2, undefined]);
    t.deepEqual(await b.link.records.all(FAMILY), []);
    const heard = await b.hears(FAMILY, 'users', ({ body }) => (body as SharedRecord).revision === 2);
    t.is((heard.body as SharedRecord).body, undefined);
    const again = await b.link.records.change({ family: FAMILY, name: 'users', body: 2, expected: 0, by: 'bob' });
    t.is(recordOf(again).revision, 3);
  });

  promised('a record with an end is void after it', async (t, stage) => {
    const { link } = await stage.peer('a');
    const record = recordOf(await link.records.change({ family: FAMILY, name: 'm', body: 1, ttlMs: 150, by: 'ann' }));
    t.is(record.until, record.at + 150);
    await waitFor(async () => (await link.records.all(FAMILY)).length === 0, {
      withinMs: DEADLINE_MS,
      what: 'the record to be void',
    });
    t.true(link.now() >= record.at + 150 - 20, 'not before its time');
    const next = await link.records.change({ family: FAMILY, name: 'm', body: 2, expected: 0, by: 'ann' });
    t.is(recordOf(next).revision, 2);
  });
}

function recordOf(result: RecordResult | undefined): SharedRecord {
  if (result?.kind !== 'changed') throw new Error(`the change was answered ${JSON.stringify(result)}`);
  return result.record;
}
