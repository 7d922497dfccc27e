import { commit, due, NOW, results } from './alert-kit.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';

export function alertTimers(promised: Promised): void {
  promised('what is due stays due, for everybody, until a change says otherwise', async (t, stage) => {
    const [a, b] = [await stage.peer('a'), await stage.peer('b')];
    t.deepEqual(await due(a, NOW), [[], undefined]);
    await commit(a, { fingerprint: 'late', dueAt: NOW + 300 });
    const early = await commit(a, { fingerprint: 'early', dueAt: NOW + 100 });
    await commit(a, { fingerprint: 'mid', dueAt: NOW + 200 });
    await commit(a, { fingerprint: 'never' });
    t.deepEqual(await due(a, NOW + 99), [[], NOW + 100]);
    t.deepEqual(await due(a, NOW + 200), [['early', 'mid'], NOW + 300]);
    t.deepEqual(await due(b, NOW + 900), [['early', 'mid', 'late'], undefined]);
    t.deepEqual(await due(b, NOW + 900, 2), [['early', 'mid'], NOW + 300], 'there is more');
    await commit(b, { fingerprint: 'early', expected: early, dueAt: NOW + 400 });
    t.deepEqual(await due(a, NOW + 250), [['mid'], NOW + 300]);
    await commit(b, { fingerprint: 'early', expected: early + 1 });
    t.deepEqual(await due(a, NOW + 900), [['mid', 'late'], undefined]);
  });

  promised('many sweepers at one moment carry each due alert out once', async (t, stage) => {
    const peers = [await stage.peer('a'), await stage.peer('b'), await stage.peer('c'), await stage.peer('d')];
    const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
    for (const fingerprint of names) await commit(peers[0] as Peer, { fingerprint, body: 0, dueAt: NOW });
    const sweeps = await Promise.all(peers.map((peer) => sweep(peer)));
    t.deepEqual(sweeps.flat().toSorted(), names.toSorted());
    t.deepEqual(await due(peers[1] as Peer, NOW), [[], undefined]);
    const { slots } = await (peers[2] as Peer).link.alerts.live();
    t.true(slots.every(({ body }) => body === 1));
  });

  promised('an emptied slot has no timer', async (t, stage) => {
    const a = await stage.peer('a');
    const revision = await commit(a, { dueAt: NOW });
    await commit(a, { expected: revision, body: undefined, dueAt: NOW });
    t.deepEqual(await due(a, NOW), [[], undefined]);
  });
}

/** Turns all that is due from 0 to 1; answers whose turn was its own. */
async function sweep(peer: Peer): Promise<string[]> {
  const { slots } = await peer.link.alerts.live();
  const { fingerprints } = await peer.link.alerts.due(NOW, 100);
  const revisions = new Map(slots.map(({ fingerprint, revision }) => [fingerprint, revision]));
  const all = fingerprints.map((fingerprint) => ({ fingerprint, expected: revisions.get(fingerprint) ?? 0, body: 1 }));
  const answers = await results(peer, ...all);
  return fingerprints.filter((_, index) => answers[index]?.kind === 'committed');
}
