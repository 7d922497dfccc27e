import { partitionName } from '../../ports/partitions.ts';
import { waitFor } from '../wait-for.ts';
import { BANK, inherit, own, PARTITIONS, read, split, take } from './keyed-kit.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS, LATE_BEAT, WIDE } from './times.ts';

export function partitionOwning(promised: Promised): void {
  promised('a mailbox that nobody has served keyed has no partitions', async (t, stage) => {
    const peer = await stage.peer('peer');
    t.is(await peer.link.partitions.count(BANK), 0);
    t.deepEqual(await peer.link.partitions.owners(BANK), []);
  });

  promised('a mailbox is split once and for ever: who comes later is told into how many', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    t.is(await a.link.partitions.split(BANK, PARTITIONS, WIDE), PARTITIONS);
    t.is(await b.link.partitions.split(BANK, 2 * PARTITIONS, WIDE), PARTITIONS);
    t.is(await b.link.partitions.count(BANK), PARTITIONS);
    t.deepEqual(await b.link.partitions.owners(BANK), [undefined, undefined, undefined, undefined]);
  });

  promised('a mailbox cannot be split into none, or into too many', async (t, stage) => {
    const { link } = await stage.peer('peer');
    for (const partitions of [0, -1, 1.5, 1_025]) {
      const refusal = link.partitions.split(BANK, partitions, WIDE).catch((error: unknown) => error);
      t.true((await refusal) instanceof RangeError);
    }
    t.is(await link.partitions.count(BANK), 0);
  });

  promised('a partition has one owner, and everybody is told who it is', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await split(a);
    t.deepEqual(await take(a, 1), { kind: 'owned' });
    t.deepEqual(await take(b, 1), { kind: 'held', by: a.id });
    t.deepEqual(await take(b, 3), { kind: 'owned' });
    t.deepEqual(await a.link.partitions.owners(BANK), [undefined, a.id, undefined, b.id]);
  });

  promised('of many who want a partition one gets it', async (t, stage) => {
    const peers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => stage.peer(name)));
    await split(peers[0]!);
    const answers = await Promise.all(peers.map((peer) => take(peer, 2)));
    t.is(answers.filter(({ kind }) => kind === 'owned').length, 1);
    const owner = peers[answers.findIndex(({ kind }) => kind === 'owned')];
    for (const answer of answers) if (answer.kind === 'held') t.is(answer.by, owner?.id);
  });

  promised('taking what one owns already changes nothing', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    t.deepEqual(await take(peer), { kind: 'owned' });
    await peer.send(partitionName(BANK, 0), 'still read');
    t.deepEqual(await peer.done(await basket.claim(0)), ['settled']);
  });

  promised('what was released can be taken, and is no orphan', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await split(a);
    await take(a);
    await b.link.partitions.release(BANK, 0);
    t.deepEqual(await take(b), { kind: 'held', by: a.id }, 'only its owner releases it');
    await a.link.partitions.release(BANK, 0);
    t.deepEqual(await b.link.partitions.owners(BANK), [undefined, undefined, undefined, undefined]);
    t.deepEqual(await take(b), { kind: 'owned' });
  });

  promised('the partitions of a dead node are orphans: who takes one is told where its log ended', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    await own(mortal, 0);
    await take(mortal, 1);
    await heir.send(partitionName(BANK, 0), 'first');
    const last = await heir.send(partitionName(BANK, 0), 'last');
    await mortal.die();
    t.deepEqual(await inherit(heir, 0), { kind: 'owned', orphaned: last });
    t.deepEqual(await inherit(heir, 1), { kind: 'owned', orphaned: '' });
    t.deepEqual(await take(heir, 0), { kind: 'owned', orphaned: last }, 'who asks again is told again');
    t.deepEqual(await take(heir, 2), { kind: 'owned' });
    await heir.link.partitions.release(BANK, 0);
    t.deepEqual(await heir.link.partitions.owners(BANK), [undefined, heir.id, heir.id, undefined]);
    const next = await stage.peer('next');
    t.deepEqual(await take(next, 0), { kind: 'owned', orphaned: last }, 'what was begun may still be there');
    const basket = await read(next);
    await basket.holds(2);
    await next.done(basket.claims[1]!);
    await next.link.partitions.release(BANK, 0);
    t.deepEqual(await take(heir, 0), { kind: 'owned', orphaned: last }, 'the first one is left');
    await heir.done(await (await read(heir)).claim(0));
    await heir.send(partitionName(BANK, 0), 'of now');
    await heir.link.partitions.release(BANK, 0);
    t.deepEqual(await take(next, 0), { kind: 'owned' }, 'what was there then has ended');
  });

  promised('a node that is no member owns nothing', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    await split(mortal);
    for (const partition of [0, 1, 2]) await take(mortal, partition);
    await take(heir, 3);
    await mortal.die();
    await heir.missing(mortal.id);
    t.deepEqual(await heir.link.partitions.owners(BANK), [undefined, undefined, undefined, heir.id]);
  });

  promised('the partitions of a node that left are no orphans', async (t, stage) => {
    const heir = await stage.peer('heir');
    const leaver = await stage.peer('leaver');
    await own(leaver);
    await heir.send(partitionName(BANK, 0), 'left');
    await leaver.link.membership.leave();
    t.deepEqual(await inherit(heir), { kind: 'owned' });
  });

  promised(
    'who is no member takes nothing, and an evicted owner finds its partition with another',
    async (t, stage) => {
      const heir = await stage.peer('heir');
      const zombie = await stage.peer('zombie', LATE_BEAT);
      await own(zombie);
      await inherit(heir);
      t.is((await take(zombie)).kind, 'not-member');
      await waitFor(() => zombie.evictions.length > 0, { withinMs: DEADLINE_MS, what: 'the zombie to be told' });
      await zombie.join();
      t.deepEqual(await take(zombie), { kind: 'held', by: heir.id });
    },
  );
}
