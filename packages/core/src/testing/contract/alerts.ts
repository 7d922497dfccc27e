import type { AlertSlot, CommitResult } from '../../ports/alerts.ts';
import { waitFor } from '../wait-for.ts';
import { alertClaims } from './alert-claims.ts';
import { alertTimers } from './alert-timers.ts';
import { alertWindows } from './alert-windows.ts';
import { commit, NOW, results, told } from './alert-kit.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

export function alerts(promised: Promised): void {
  changes(promised);
  alertTimers(promised);
  alertClaims(promised);
  alertWindows(promised);
}

function changes(promised: Promised): void {
  promised('a change of an alert is carried out once, by whoever knows its slot as it is', async (t, stage) => {
    const [a, b] = [await stage.peer('a'), await stage.peer('b')];
    const first = await commit(a, { body: { n: 1 } });
    t.deepEqual(await results(b, { body: { n: 2 } }), [conflict(first, { n: 1 })]);
    const second = await commit(b, { expected: first, body: { n: 2, list: [], none: null } });
    t.is(second, first + 1);
    t.deepEqual(await results(a, { expected: first, body: undefined }), [
      conflict(second, { n: 2, list: [], none: null }),
    ]);
    t.deepEqual((await a.link.alerts.live()).slots, [slot(second, { n: 2, list: [], none: null })]);
    t.is(await commit(a, { expected: second, body: undefined }), second + 1);
    t.deepEqual((await b.link.alerts.live()).slots, []);
    t.deepEqual(await results(b, { expected: second, body: 1 }), [{ kind: 'conflict', slot: undefined }]);
    t.true(
      (await commit(b, { body: { n: 3 } })) > second + 1,
      'who judged by the former filling cannot mistake this one',
    );
  });

  promised('of several changes one that conflicts keeps none of the others', async (t, stage) => {
    const a = await stage.peer('a');
    await commit(a, { fingerprint: 'f2' });
    const kinds = (await results(a, { fingerprint: 'f1' }, { fingerprint: 'f2' }, { fingerprint: 'f3' })).map(
      ({ kind }) => kind,
    );
    t.deepEqual(kinds, ['committed', 'conflict', 'committed']);
    t.is((await a.link.alerts.live()).slots.length, 3);
    t.deepEqual(await a.link.alerts.commit([]), []);
  });

  promised('ten race on one slot: nothing is lost, and no revision is left out', async (t, stage) => {
    const peers: Peer[] = [];
    for (let index = 0; index < 10; index += 1) peers.push(await stage.peer(`p${index}`));
    const first = await commit(peers[0] as Peer, { body: [] });
    const revisions = await Promise.all(peers.map((peer, index) => addTo(peer, index)));
    t.deepEqual(
      revisions.toSorted((x, y) => x - y),
      peers.map((_, index) => first + 1 + index),
    );
    const [standing] = (await (peers[3] as Peer).link.alerts.live()).slots as readonly [AlertSlot];
    t.deepEqual(
      (standing.body as number[]).toSorted((x, y) => x - y),
      peers.map((_, index) => index),
    );
  });

  promised(
    'everybody is told every change in the order of its number, and the beats say how far the log is',
    async (t, stage) => {
      const peers = [await stage.peer('a'), await stage.peer('b'), await stage.peer('c')];
      const [a, b] = peers as [Peer, Peer, Peer];
      const first = await commit(a, { body: { n: 1 }, event: 'raised' });
      await commit(b, { expected: first, body: { n: 2 }, event: 'acked' });
      const other = await commit(a, { fingerprint: 'other', body: 'x', event: 'raised' });
      await commit(b, { expected: first + 1, body: undefined, event: 'archived' });
      for (const peer of peers) {
        await waitFor(() => peer.alerts.at(-1)?.kind === 'archived', { withinMs: DEADLINE_MS, what: 'the log' });
        const log = told(peer.alerts);
        t.deepEqual(
          log.map(({ kind, id, body }) => [kind, id, body]),
          [
            ['raised', 'f', { revision: first, body: { n: 1 } }],
            ['acked', 'f', { revision: first + 1, body: { n: 2 } }],
            ['raised', 'other', { revision: other, body: 'x' }],
            ['archived', 'f', { revision: first + 2 }],
          ],
          peer.name,
        );
        const start = log[0]?.seq ?? 0;
        t.deepEqual(
          log.map(({ seq }) => seq),
          [start, start + 1, start + 2, start + 3],
        );
        await waitFor(() => peer.alertBeats.at(-1) === start + 3, { withinMs: DEADLINE_MS, what: 'a beat that knows' });
      }
      t.is((await a.link.alerts.live()).seq, told(a.alerts).at(-1)?.seq);
    },
  );

  promised('what was told before a node joined is in what it reads then', async (t, stage) => {
    const early = await stage.peer('early');
    await commit(early, { fingerprint: 'before' });
    const late = await stage.peer('late');
    const { slots, seq } = await late.link.alerts.live();
    t.deepEqual(
      slots.map(({ fingerprint }) => fingerprint),
      ['before'],
    );
    await commit(early, { fingerprint: 'after' });
    await waitFor(() => late.alerts.length > 0, { withinMs: DEADLINE_MS, what: 'what came after' });
    t.deepEqual(
      told(late.alerts).map((item) => [item.id, item.seq]),
      [['after', seq + 1]],
    );
  });

  promised('who is no member can still say that it hurts, and is told nothing', async (t, stage) => {
    const member = await stage.peer('member');
    const stranger = await stage.stranger('stranger');
    await commit(stranger, { body: 'help' });
    await waitFor(() => member.alerts.length > 0, { withinMs: DEADLINE_MS, what: 'the call for help' });
    t.deepEqual(stranger.alerts, []);
  });

  promised('what has ended is found by its time, the latest first, as long as it is kept', async (t, stage) => {
    const a = await stage.peer('a');
    const end = async (n: number, at: number, keepMs = 10_000): Promise<void> => {
      await commit(a, { fingerprint: `f${n}`, body: undefined, archive: { body: { n }, at, keepMs } });
    };
    for (const n of [1, 3, 2, 4]) await end(n, NOW + n * 1_000);
    const found = async (from: number, to: number, limit = 10): Promise<unknown[]> =>
      (await a.link.alerts.archived({ from, to, limit })).map((body) => (body as { readonly n: number }).n);
    t.deepEqual(await found(-Infinity, Infinity), [4, 3, 2, 1]);
    t.deepEqual(await found(NOW + 2_000, NOW + 3_000), [3, 2]);
    t.deepEqual(await found(NOW, NOW + 9_000, 2), [4, 3]);
    t.deepEqual(await found(NOW + 5_000, Infinity), []);
    await end(5, NOW + 12_500);
    t.deepEqual(await found(0, Infinity), [5, 4, 3]);
    await commit(a, { fingerprint: 'now', body: undefined, archive: { body: { n: 6 }, keepMs: 60_000 } });
    t.deepEqual(await found(a.link.now() - 10_000, a.link.now() + 10_000), [6], 'no time is now');
  });
}

function slot(revision: number, body: unknown): AlertSlot {
  return { fingerprint: 'f', revision, body };
}

function conflict(revision: number, body: unknown): CommitResult {
  return { kind: 'conflict', slot: slot(revision, body) };
}

/** Adds a number to the list in the slot, however often it takes. */
async function addTo(peer: Peer, number: number): Promise<number> {
  let standing = (await peer.link.alerts.live()).slots[0] as AlertSlot;
  for (;;) {
    const body = [...(standing.body as number[]), number];
    const [result] = await results(peer, { expected: standing.revision, body });
    if (result?.kind === 'committed') return result.revision;
    standing = result?.slot as AlertSlot;
  }
}
