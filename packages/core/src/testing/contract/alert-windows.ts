import type { PermitAsk } from '../../ports/alerts.ts';
import { NOW } from './alert-kit.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';

const MINUTE = 60_000;

export function alertWindows(promised: Promised): void {
  promised('over all nodes so many pass in any window, and no more (S3-53)', async (t, stage) => {
    const peers = [await stage.peer('a'), await stage.peer('b')];
    const ask: PermitAsk = { name: 'shop high', limit: 10, windowMs: MINUTE };
    const passes = await draw(peers, ask, 11, (n) => NOW + n * 1_000);
    t.deepEqual(passes, [...Array.from({ length: 10 }, () => true), false]);
    t.deepEqual(await draw(peers, ask, 1, () => NOW + MINUTE - 1), [false], 'what was held back is not counted');
    t.deepEqual(await draw(peers, ask, 2, () => NOW + MINUTE), [true, false], 'the first is out of the window');
    t.deepEqual(await draw(peers, { ...ask, name: 'shop medium' }, 1, () => NOW), [true], 'each name has its own');
    const [a] = peers as [Peer, Peer];
    t.deepEqual(
      await a.link.alerts.permit([{ ...ask, name: 'x', limit: 1 }, ask, { ...ask, name: 'x', limit: 1 }], NOW + 30_000),
      [true, false, false],
    );
    t.deepEqual(await a.link.alerts.permit([{ ...ask, name: 'none', limit: 0 }], NOW), [false]);
  });

  promised('what has passed under a key is not counted again, whoever asks', async (t, stage) => {
    const peers = [await stage.peer('a'), await stage.peer('b')];
    const ask: PermitAsk = { name: 'shop high', limit: 2, windowMs: MINUTE, burst: 1 };
    const one = { ...ask, key: 'one' };
    t.deepEqual(await draw(peers, one, 6, (n) => NOW + n), [true, true, true, true, true, true]);
    t.deepEqual(await draw(peers, { ...ask, key: 'two' }, 2, () => NOW + 10), [true, true]);
    t.deepEqual(await draw(peers, { ...ask, key: 'three' }, 2, () => NOW + 10), [false, false], 'a refusal is no pass');
    t.deepEqual(await draw(peers, one, 1, () => NOW + MINUTE - 1), [true]);
    t.deepEqual(await draw(peers, one, 1, () => NOW + MINUTE), [true], 'its own place is free again');
    t.deepEqual(await draw(peers, { ...ask, key: 'three' }, 1, () => NOW + MINUTE), [false], 'and taken by itself');
  });

  promised('a new condition passes beyond the limit while few new ones have passed', async (t, stage) => {
    const peers = [await stage.peer('a'), await stage.peer('b')];
    const known: PermitAsk = { name: 'shop high', limit: 10, windowMs: MINUTE };
    const fresh = { ...known, burst: 3 };
    await draw(peers, known, 10, () => NOW);
    t.deepEqual(await draw(peers, known, 1, () => NOW), [false]);
    t.deepEqual(await draw(peers, fresh, 4, () => NOW + 1), [true, true, true, false]);
    t.deepEqual(await draw(peers, known, 1, () => NOW + MINUTE), [true]);
    const others = { ...fresh, name: 'mail high' };
    t.deepEqual(
      await draw(peers, others, 11, () => NOW),
      [...Array.from({ length: 10 }, () => true), false],
      'all of them new',
    );
  });

  promised('a clock that was set back holds nothing back', async (t, stage) => {
    const peers = [await stage.peer('a')];
    const ask: PermitAsk = { name: 'shop high', limit: 2, windowMs: MINUTE };
    await draw(peers, ask, 2, () => NOW + 60 * MINUTE);
    t.deepEqual(await draw(peers, ask, 3, () => NOW), [true, true, false]);
  });

  promised('a rate counts what came over all nodes in the last window', async (t, stage) => {
    const [a, b] = [await stage.peer('a'), await stage.peer('b')];
    const rate = (peer: Peer, add: number, at: number, name = 'raises'): Promise<number> =>
      peer.link.alerts.rate(name, add, 10_000, NOW + at);
    t.is(await rate(a, 3, 0), 3);
    t.is(await rate(b, 4, 1), 7);
    t.is(await rate(a, 0, 2), 7);
    t.is(await rate(b, 5, 5_000), 12);
    t.is(await rate(a, 0, 9_000), 12);
    t.is(await rate(a, 0, 10_000), 5);
    t.is(await rate(b, 0, 15_000), 0);
    t.is(await rate(b, 1, 15_000, 'another'), 1);
  });
}

async function draw(
  peers: readonly Peer[],
  ask: PermitAsk,
  times: number,
  at: (n: number) => number,
): Promise<boolean[]> {
  const passes: boolean[] = [];
  for (let n = 0; n < times; n += 1) {
    const peer = peers[n % peers.length] as Peer;
    passes.push(...(await peer.link.alerts.permit([ask], at(n))));
  }
  return passes;
}
