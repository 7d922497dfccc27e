import { BANK, FIRST, inherit, own, read, take } from './keyed-kit.ts';
import type { Promised } from './stage.ts';
import { LATE_BEAT } from './times.ts';

const NOTHING = { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 };

export function partitionEnding(promised: Promised): void {
  promised('an entry of a partition is ended once, and its level with it', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work', { count: 5 });
    const claim = await basket.claim(0);
    t.is((await peer.link.broker.depth(FIRST)).messages, 5);
    t.deepEqual(await peer.settle({ kind: 'progress', claim, todo: '01010' }), ['settled']);
    t.is((await peer.link.broker.depth(FIRST)).messages, 2);
    t.deepEqual(await peer.done(claim), ['settled']);
    t.deepEqual(await peer.done(claim), ['lost']);
    t.deepEqual(await peer.settle({ kind: 'progress', claim, todo: '1' }), ['lost']);
    t.deepEqual(await peer.link.broker.depth(FIRST), NOTHING);
  });

  promised('envelopes of one entry end in any order, one by one', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work', { count: 3 });
    const claim = await basket.claim(0);
    const ends = ['110', '011', '101'].map((todo) => ({ kind: 'progress' as const, claim, todo }));
    t.deepEqual(await peer.settle(...ends), ['settled', 'settled', 'settled']);
    t.deepEqual(await peer.done(claim), ['lost']);
    t.deepEqual(await peer.link.broker.depth(FIRST), NOTHING);
  });

  promised('what was read of a partition can be neither handed back nor sent to its tail', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'stays');
    const claim = await basket.claim(0);
    const at = peer.link.now();
    t.deepEqual(
      await peer.settle(
        { kind: 'park', claim, todo: '1' },
        { kind: 'retry', claim, moved: '1', at, deliveries: 1, history: '[]' },
      ),
      ['lost', 'lost'],
    );
    t.deepEqual(await peer.done(claim), ['settled']);
  });

  promised('endings of several partitions and of shared mailboxes go in one batch', async (t, stage) => {
    const peer = await stage.peer('peer');
    const first = await own(peer);
    await take(peer, 1);
    const second = await read(peer, 1);
    const work = await peer.consume('work@1');
    await peer.send(FIRST, 'one');
    await peer.send(`${BANK}#1`, 'two', { count: 2 });
    await peer.send('work@1', 'three');
    const [one, two, three] = [await first.claim(0), await second.claim(0), await work.claim(0)];
    t.deepEqual(
      await peer.settle(
        { kind: 'progress', claim: two, todo: '01' },
        { kind: 'done', claim: three },
        { kind: 'done', claim: one },
        { kind: 'done', claim: two },
        { kind: 'done', claim: three },
      ),
      ['settled', 'settled', 'settled', 'settled', 'lost'],
    );
    for (const mailbox of [FIRST, `${BANK}#1`, 'work@1']) t.deepEqual(await peer.link.broker.depth(mailbox), NOTHING);
  });

  promised(
    'an envelope that was about to start when its owner died is charged a delivery, and no other',
    async (t, stage) => {
      const heir = await stage.peer('heir');
      const mortal = await stage.peer('mortal');
      const lost = await own(mortal);
      for (const text of ['poison', 'over', 'fine']) await heir.send(FIRST, text, { count: 3 });
      const [poison, over] = await lost.holds(3);
      t.deepEqual(
        await mortal.settle(
          { kind: 'mark', claim: poison!, todo: '111', index: 0 },
          { kind: 'mark', claim: poison!, todo: '011', index: 1 },
          { kind: 'mark', claim: over!, todo: '111', index: 2 },
          { kind: 'progress', claim: over!, todo: '110' },
        ),
        ['settled', 'settled', 'settled', 'settled'],
      );
      await mortal.die();
      await inherit(heir);
      const basket = await read(heir);
      const claims = await basket.holds(3);
      t.deepEqual(
        claims.map(({ todo, charges }) => [todo ?? '111', [...(charges ?? [])]]),
        [
          ['011', [[1, 1]]],
          ['110', []],
          ['111', []],
        ],
      );
    },
  );

  promised('a mark of an owner that released its partition charges nothing', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const heir = await stage.peer('heir');
    const basket = await own(a);
    await a.send(FIRST, 'marked');
    await a.settle({ kind: 'mark', claim: await basket.claim(0), todo: '1', index: 0 });
    await basket.reader?.close();
    await a.link.partitions.release(BANK, 0);
    t.deepEqual(await take(b), { kind: 'owned' });
    await b.die();
    await inherit(heir);
    t.is((await (await read(heir)).claim(0)).charges?.size ?? 0, 0);
  });

  promised('deliveries spent on a head and what happened to it outlive its owner', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const lost = await own(mortal);
    await heir.send(FIRST, 'stubborn', { count: 2 });
    const claim = await lost.claim(0);
    const spent = (count: number): ReadonlyMap<number, number> => new Map([[1, count]]);
    const history = JSON.stringify([{ index: 1, attempt: 2, message: 'naïve | 1:1' }]);
    t.deepEqual(
      await mortal.settle(
        { kind: 'mark', claim, todo: '11', index: 1 },
        { kind: 'progress', claim, todo: '11', charges: spent(2), history },
        { kind: 'progress', claim, todo: '11', charges: spent(1) },
      ),
      ['settled', 'settled', 'settled'],
    );
    await mortal.die();
    await inherit(heir);
    const again = await (await read(heir)).claim(0);
    t.deepEqual([[...(again.charges ?? [])], again.history], [[[1, 2]], history]);
  });

  promised('dead letters of a partition are its own, and are replayed into it', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    const { broker } = peer.link;
    await peer.send(FIRST, 'half bad', { count: 2 });
    const claim = await basket.claim(0);
    const bury = { kind: 'bury', claim, moved: '10', todo: '01', reason: 'bad', deliveries: 3, history: '[]' } as const;
    t.deepEqual(await peer.settle(bury, bury), ['settled', 'lost']);
    t.deepEqual(await peer.done(claim), ['settled']);
    const [letter] = await broker.dead(FIRST, { limit: 10 });
    t.deepEqual([letter?.todo, letter?.reason, letter?.deliveries], ['10', 'bad', 3]);
    t.deepEqual(await broker.dead(BANK, { limit: 10 }), []);
    t.is((await broker.depth(BANK)).dead, 1);
    t.true(await broker.replay(FIRST, letter!.id, '10'));
    t.is(await broker.replay(FIRST, letter!.id, '10'), false);
    const again = await basket.claim(1);
    t.deepEqual([again.todo, again.count, again.deliveries], ['10', 2, 0]);
    t.deepEqual(await peer.done(again), ['settled']);
    t.deepEqual(await broker.depth(FIRST), NOTHING);
  });

  promised('who lost a partition ends nothing of it', async (t, stage) => {
    const former = await stage.peer('former');
    const owner = await stage.peer('owner');
    const basket = await own(former);
    await former.send(FIRST, 'work');
    const claim = await basket.claim(0);
    await former.link.partitions.release(BANK, 0);
    await take(owner);
    const endings = [
      { kind: 'done', claim },
      { kind: 'mark', claim, todo: '1', index: 0 },
      { kind: 'progress', claim, todo: '0' },
      { kind: 'bury', claim, moved: '1', reason: 'late', deliveries: 1, history: '[]' },
    ] as const;
    t.deepEqual(await former.settle(...endings), ['lost', 'lost', 'lost', 'lost']);
    await owner.link.partitions.release(BANK, 0);
    await take(former);
    t.deepEqual(await former.settle(...endings), ['lost', 'lost', 'lost', 'lost'], 'its claims are of another time');
    t.deepEqual((await (await read(former)).claim(0)).charges?.size ?? 0, 0);
    t.is((await owner.link.broker.depth(FIRST)).messages, 1);
  });

  promised('an evicted owner ends nothing, though nobody has taken its partition', async (t, stage) => {
    const witness = await stage.peer('witness');
    const zombie = await stage.peer('zombie', LATE_BEAT);
    const basket = await own(zombie);
    await witness.send(FIRST, 'work');
    const claim = await basket.claim(0);
    await witness.missing(zombie.id);
    t.deepEqual(await zombie.done(claim), ['not-member']);
    t.is((await witness.link.broker.depth(FIRST)).messages, 1);
    await zombie.join();
    await take(zombie);
    t.deepEqual(await zombie.done(claim), ['lost'], 'as another member it has not read it');
  });
}
