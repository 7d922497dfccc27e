import type { NoticeRef } from '../../ports/alerts.ts';
import { waitFor } from '../wait-for.ts';
import { commit } from './alert-kit.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

export function alertClaims(promised: Promised): void {
  promised('of all who claim a notice one is granted it, in each group', async (t, stage) => {
    const peers: Peer[] = [];
    for (let index = 0; index < 5; index += 1) peers.push(await stage.peer(`p${index}`));
    const answers = await Promise.all(peers.map((peer) => peer.link.alerts.claim([notice(1), notice(1, 'other')])));
    for (const index of [0, 1]) {
      const answered = answers.map((answer) => answer[index]);
      t.is(answered.filter((one) => one === 'granted').length, 1);
      t.is(answered.filter((one) => one === 'held').length, 4);
    }
    const winner = peers[answers.findIndex(([answer]) => answer === 'granted')] as Peer;
    const loser = peers.find((peer) => peer !== winner) as Peer;
    t.deepEqual(await winner.link.alerts.claim([notice(1)]), ['granted'], 'asked twice, it is still its own');
    await loser.link.alerts.finish([notice(1)], 'done');
    t.deepEqual(await loser.link.alerts.claim([notice(1)]), ['held'], 'who does not hold it ends nothing');
    await winner.link.alerts.finish([notice(1)], 'done');
    t.deepEqual(await Promise.all([winner, loser].map((peer) => peer.link.alerts.claim([notice(1)]))), [
      ['done'],
      ['done'],
    ]);
    t.deepEqual(await loser.link.alerts.claim([notice(2)]), ['granted']);
  });

  promised('what is given back can be claimed, and what was delivered before stays delivered', async (t, stage) => {
    const [a, b] = [await stage.peer('a'), await stage.peer('b')];
    await a.link.alerts.claim([notice(1)]);
    await a.link.alerts.finish([notice(1)], 'done');
    t.deepEqual(await a.link.alerts.claim([notice(2)]), ['granted']);
    t.deepEqual(await b.link.alerts.claim([notice(2)]), ['held']);
    await a.link.alerts.finish([notice(2)], 'released');
    t.deepEqual(await b.link.alerts.claim([notice(1), notice(2)]), ['done', 'granted']);
  });

  promised('a later notice supersedes an earlier one', async (t, stage) => {
    const [a, b] = [await stage.peer('a'), await stage.peer('b')];
    t.deepEqual(await a.link.alerts.claim([notice(1)]), ['granted']);
    t.deepEqual(await b.link.alerts.claim([notice(3)]), ['granted']);
    t.deepEqual(await a.link.alerts.claim([notice(1), notice(2), notice(3)]), ['held', 'held', 'held']);
    await a.link.alerts.finish([notice(1)], 'released');
    t.deepEqual(await a.link.alerts.claim([notice(3)]), ['held'], 'what was superseded cannot be ended');
    await b.link.alerts.finish([notice(3)], 'done');
    t.deepEqual(await a.link.alerts.claim([notice(1), notice(2), notice(3)]), ['done', 'done', 'done']);
  });

  promised('what a node that died or left had in hand is granted to others', async (t, stage) => {
    const [a, b, c] = [await stage.peer('a'), await stage.peer('b'), await stage.peer('c')];
    await b.link.alerts.claim([notice(1), notice(1, 'other')]);
    await b.link.alerts.finish([notice(1, 'other')], 'done');
    await b.die();
    await waitFor(async () => (await a.link.alerts.claim([notice(1)]))[0] === 'granted', {
      withinMs: DEADLINE_MS,
      what: 'the claim of the dead to be free',
    });
    t.deepEqual(await c.link.alerts.claim([notice(1), notice(1, 'other')]), ['held', 'done']);
    await a.link.membership.leave();
    t.deepEqual(await c.link.alerts.claim([notice(1)]), ['granted']);
  });

  promised('who is no member claims nothing', async (t, stage) => {
    const a = await stage.peer('a');
    await a.link.membership.leave();
    t.is(await codeOf(a.link.alerts.claim([notice(1)])), 'NOT_MEMBER');
    await a.link.alerts.finish([notice(1)], 'done');
    await a.join();
    t.deepEqual(await a.link.alerts.claim([notice(1)]), ['granted']);
  });

  promised('with its alert the claims of it are forgotten, and only then', async (t, stage) => {
    const a = await stage.peer('a');
    let revision = await commit(a, {});
    const done = async (): Promise<void> => {
      await a.link.alerts.claim([notice(1)]);
      await a.link.alerts.finish([notice(1)], 'done');
      t.deepEqual(await a.link.alerts.claim([notice(1)]), ['done']);
    };
    await done();
    revision = await commit(a, { expected: revision, body: 2 });
    t.deepEqual(await a.link.alerts.claim([notice(1)]), ['done']);
    revision = await commit(a, { expected: revision, alertId: 'another' });
    t.deepEqual(await a.link.alerts.claim([notice(1)]), ['granted'], 'another alert took the slot');
    revision = await commit(a, { expected: revision });
    await done();
    await commit(a, { expected: revision, body: undefined });
    t.deepEqual(await a.link.alerts.claim([notice(1)]), ['granted'], 'the slot was emptied');
  });
}

function notice(number: number, group = 'pager'): NoticeRef {
  return { alertId: 'alert', group, notice: number };
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return 'none';
  } catch (thrown) {
    return (thrown as { readonly code?: unknown }).code;
  }
}
