import type { Promised } from './stage.ts';

const MAILBOX = 'frames@1';

/** Frames whose envelopes come to different ends. */
export function splitting(promised: Promised): void {
  promised('a part is retried while the rest stays in hand', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'mixed', { count: 4 });
    const claim = await basket.claim(0);
    t.deepEqual(
      await peer.settle({
        kind: 'retry',
        claim,
        moved: '0100',
        todo: '0011',
        at: peer.link.now(),
        deliveries: 1,
        history: '[1]',
      }),
      ['settled'],
    );
    const copy = await basket.claim(1);
    t.deepEqual([copy.todo, copy.count, copy.deliveries, copy.history], ['0100', 4, 1, '[1]']);
    t.deepEqual(await peer.done(claim, copy), ['settled', 'settled']);
    t.deepEqual(await peer.link.broker.depth(MAILBOX), { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
  });

  promised('repeating a batch moves nothing twice', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'mixed', { count: 3 });
    const claim = await basket.claim(0);
    const batch = [
      { kind: 'bury', claim, moved: '100', todo: '011', reason: 'tired', deliveries: 3, history: '[]' },
      { kind: 'retry', claim, moved: '010', todo: '001', at: peer.link.now(), deliveries: 1, history: '[]' },
    ] as const;
    await peer.settle(...batch);
    await peer.settle(...batch);
    t.deepEqual(await peer.done(claim), ['settled']);
    t.deepEqual(
      (await peer.link.broker.dead(MAILBOX, { limit: 10 })).map((letter) => letter.todo),
      ['100'],
    );
    await peer.send(MAILBOX, 'the end');
    await basket.holds(3);
    t.deepEqual(
      basket.claims.map((each) => each.todo ?? 'all'),
      ['all', '010', 'all'],
    );
  });

  promised('the level counts only envelopes that are not settled', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'mixed', { count: 6 });
    const claim = await basket.claim(0);
    await peer.settle({ kind: 'progress', claim, todo: '011111' });
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 5);
    await peer.settle({
      kind: 'bury',
      claim,
      moved: '010000',
      todo: '001111',
      reason: 'tired',
      deliveries: 3,
      history: '[]',
    });
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 4);
    await peer.settle({
      kind: 'retry',
      claim,
      moved: '001000',
      todo: '000011',
      at: peer.link.now() + 3_600_000,
      deliveries: 1,
      history: '[]',
    });
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 3);
    await peer.done(claim);
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 1);
  });
}
