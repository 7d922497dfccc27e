import { textOf } from './basket.ts';
import type { Promised } from './stage.ts';

const MAILBOX = 'work@1';

export function settling(promised: Promised): void {
  promised('done ends an entry and its level', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'work', { count: 5 });
    const claim = await basket.claim(0);
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 5);
    t.deepEqual(await peer.done(claim), ['settled']);
    t.deepEqual(await peer.link.broker.depth(MAILBOX), { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
  });

  promised('settling twice answers lost', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'work');
    const claim = await basket.claim(0);
    t.deepEqual(await peer.done(claim, claim), ['settled', 'lost']);
    const at = peer.link.now();
    t.deepEqual(
      await peer.settle(
        { kind: 'retry', claim, moved: '1', at, deliveries: 1, history: '[]' },
        { kind: 'bury', claim, moved: '1', reason: 'late', deliveries: 1, history: '[]' },
        { kind: 'park', claim, todo: '1' },
        { kind: 'progress', claim, todo: '1' },
        { kind: 'mark', claim, todo: '1', index: 0 },
      ),
      ['lost', 'lost', 'lost', 'lost', 'lost'],
    );
    t.deepEqual(await peer.link.broker.depth(MAILBOX), { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
  });

  promised('an entry can be settled only by who holds it', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const basket = await a.consume(MAILBOX);
    await a.send(MAILBOX, 'mine');
    const claim = await basket.claim(0);
    t.deepEqual(await b.done(claim), ['lost']);
    t.deepEqual(await a.done(claim), ['settled']);
  });

  promised('a batch is carried out in the order given, over several mailboxes', async (t, stage) => {
    const peer = await stage.peer('peer');
    const work = await peer.consume(MAILBOX);
    const other = await peer.consume('other@1');
    await peer.send(MAILBOX, 'work', { count: 2 });
    await peer.send('other@1', 'other');
    const claim = await work.claim(0);
    const aside = await other.claim(0);
    t.deepEqual(
      await peer.settle(
        { kind: 'progress', claim, todo: '01' },
        { kind: 'done', claim: aside },
        { kind: 'bury', claim, moved: '01', reason: 'tired', deliveries: 1, history: '[]' },
        { kind: 'done', claim },
      ),
      ['settled', 'settled', 'settled', 'lost'],
    );
    t.deepEqual(
      (await peer.link.broker.dead(MAILBOX, { limit: 10 })).map((letter) => letter.todo),
      ['01'],
    );
    t.is((await peer.link.broker.depth('other@1')).messages, 0);
  });

  promised('retry comes back not before its time, with its deliveries and history', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'stubborn', { count: 2 });
    const claim = await basket.claim(0);
    const at = peer.link.now() + 200;
    const history = JSON.stringify([
      { index: 0, attempt: 1, at: 1, node: peer.id, code: 'BAD', message: 'it went wrong “here”' },
    ]);
    t.deepEqual(await peer.settle({ kind: 'retry', claim, moved: '11', at, deliveries: 2, history }), ['settled']);
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 2, 'it goes on counting while it is away');
    const again = await basket.claim(1);
    t.true(peer.link.now() >= at);
    t.is(textOf(again.frame), 'stubborn');
    t.deepEqual(
      [again.count, again.todo ?? '11', again.deliveries, again.crashes, again.history],
      [2, '11', 2, 0, history],
    );
    t.deepEqual(await peer.done(again), ['settled']);
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 0);
  });

  promised('park hands back without a charge and another member gets it', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const first = await a.consume(MAILBOX, { room: 1 });
    await a.send(MAILBOX, 'not mine');
    const claim = await first.claim(0);
    const second = await b.consume(MAILBOX);
    t.deepEqual(await a.settle({ kind: 'park', claim, todo: '1' }), ['settled']);
    const adopted = await second.claim(0);
    t.is(textOf(adopted.frame), 'not mine');
    t.deepEqual([adopted.deliveries, adopted.crashes, adopted.charges?.size ?? 0], [0, 0, 0]);
    t.deepEqual(await a.done(claim), ['lost']);
    t.deepEqual(await b.done(adopted), ['settled']);
    t.is((await b.link.broker.depth(MAILBOX)).messages, 0);
  });

  promised('what was parked with nobody else there comes back to who parked it', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'boomerang');
    const claim = await basket.claim(0);
    await peer.settle({ kind: 'park', claim, todo: '1' });
    const again = await basket.claim(1);
    t.is(again.deliveries, 0);
    t.deepEqual(await peer.done(again), ['settled']);
  });

  promised('a partly done frame that is parked keeps its mask', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const first = await a.consume(MAILBOX, { room: 1 });
    await a.send(MAILBOX, 'half', { count: 4 });
    const claim = await first.claim(0);
    const second = await b.consume(MAILBOX);
    t.deepEqual(await a.settle({ kind: 'progress', claim, todo: '0111' }, { kind: 'park', claim, todo: '0101' }), [
      'settled',
      'settled',
    ]);
    const rest = await second.claim(0);
    t.deepEqual([rest.todo, rest.count], ['0101', 4]);
    t.deepEqual(await b.done(rest), ['settled']);
    t.deepEqual(await b.link.broker.depth(MAILBOX), { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
  });
}
