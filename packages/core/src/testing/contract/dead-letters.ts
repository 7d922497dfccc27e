import type { Basket } from './basket.ts';
import { textOf } from './basket.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';

const MAILBOX = 'graves@1';

export function deadLetters(promised: Promised): void {
  promised('bury keeps the bytes, the mask, the reason and the history', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'doomed', { count: 3 });
    const claim = await basket.claim(0);
    const before = peer.link.now();
    const history = '[{"index":1,"message":"ümläut"}]';
    t.deepEqual(await peer.settle({ kind: 'bury', claim, moved: '011', reason: 'POISON', deliveries: 3, history }), [
      'settled',
    ]);
    const letters = await peer.link.broker.dead(MAILBOX, { limit: 10 });
    t.is(letters.length, 1);
    const letter = letters[0]!;
    t.is(textOf(letter.frame), 'doomed');
    t.deepEqual(
      [letter.count, letter.todo, letter.reason, letter.deliveries, letter.history],
      [3, '011', 'POISON', 3, history],
    );
    // Two clocks may stand behind this: the backend's own, and the link's estimate of it.
    t.true(Math.abs(letter.at - before) < 5_000);
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 0);
  });

  promised('dead letters are listed page by page, oldest first', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    for (let index = 0; index < 5; index += 1) await bury(peer, basket, index, `letter ${index}`);
    const broker = peer.link.broker;
    const first = await broker.dead(MAILBOX, { limit: 2 });
    t.deepEqual(
      first.map((letter) => textOf(letter.frame)),
      ['letter 0', 'letter 1'],
    );
    await broker.drop(MAILBOX, first[1]!.id, '1');
    const second = await broker.dead(MAILBOX, { after: first[1]!.id, limit: 10 });
    t.deepEqual(
      second.map((letter) => textOf(letter.frame)),
      ['letter 2', 'letter 3', 'letter 4'],
    );
    t.deepEqual(await broker.dead(MAILBOX, { after: second[2]!.id, limit: 10 }), []);
  });

  promised('replay puts part of a dead letter back with nothing charged', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await bury(peer, basket, 0, 'second chance', 3);
    const broker = peer.link.broker;
    const [letter] = await broker.dead(MAILBOX, { limit: 1 });
    const id = letter!.id;
    t.true(await broker.replay(MAILBOX, id, '010'));
    const again = await basket.claim(1);
    t.is(textOf(again.frame), 'second chance');
    t.deepEqual([again.todo, again.count, again.deliveries, again.crashes], ['010', 3, 0, 0]);
    t.is((await broker.depth(MAILBOX)).messages, 1);
    t.is(await broker.replay(MAILBOX, id, '010'), false, 'this part is gone already');
    t.deepEqual(
      (await broker.dead(MAILBOX, { limit: 1 })).map((rest) => rest.todo),
      ['101'],
    );
    t.true(await broker.replay(MAILBOX, id, '101'));
    t.is(await broker.replay(MAILBOX, id, '101'), false);
    await basket.holds(3);
    t.is((await broker.depth(MAILBOX)).dead, 0);
  });

  promised('drop ends part of a dead letter for good', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await bury(peer, basket, 0, 'rubbish', 2);
    const broker = peer.link.broker;
    const id = (await broker.dead(MAILBOX, { limit: 1 }))[0]!.id;
    t.true(await broker.drop(MAILBOX, id, '10'));
    t.is(await broker.drop(MAILBOX, id, '10'), false);
    t.is(await broker.replay(MAILBOX, id, '10'), false);
    t.true(await broker.drop(MAILBOX, id, '01'));
    t.deepEqual(await broker.dead(MAILBOX, { limit: 10 }), []);
    t.deepEqual(await broker.depth(MAILBOX), { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
  });
}

/** Sends a frame, claims it as the basket's number `position`, and buries all of it. */
async function bury(peer: Peer, basket: Basket, position: number, text: string, count = 1): Promise<void> {
  await peer.send(MAILBOX, text, { count });
  const claim = await basket.claim(position);
  await peer.settle({ kind: 'bury', claim, moved: '1'.repeat(count), reason: 'TIRED', deliveries: 3, history: '[]' });
}
