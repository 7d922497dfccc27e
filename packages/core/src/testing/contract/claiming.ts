import { waitFor } from '../wait-for.ts';
import { textOf } from './basket.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

const MAILBOX = 'work@1';

export function claiming(promised: Promised): void {
  promised('a node claims no more frames than its room (S0-10)', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    for (let index = 0; index < 5; index += 1) await a.send(MAILBOX, `frame ${index}`);
    const narrow = await a.consume(MAILBOX, { room: 2 });
    await narrow.holds(2);
    const wide = await b.consume(MAILBOX);
    await wide.holds(3);
    t.is(narrow.claims.length, 2);
    t.deepEqual([...narrow.texts(), ...wide.texts()], ['frame 0', 'frame 1', 'frame 2', 'frame 3', 'frame 4']);
  });

  promised('room that returns is used', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX, { room: 0 });
    await peer.send(MAILBOX, 'one');
    await peer.send(MAILBOX, 'two');
    basket.makeRoom(1);
    await basket.holds(1);
    basket.makeRoom(1);
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['one', 'two']);
  });

  promised('two consumers share a mailbox and each frame goes to one of them', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const baskets = [await a.consume(MAILBOX, { room: 30 }), await b.consume(MAILBOX, { room: 30 })];
    const texts = Array.from({ length: 60 }, (_, index) => `frame ${index}`);
    for (const text of texts) await a.send(MAILBOX, text);
    await waitFor(() => baskets.every((basket) => basket.claims.length === 30), {
      withinMs: DEADLINE_MS,
      what: 'both consumers to be full',
    });
    const claimed = baskets.flatMap((basket) => basket.texts());
    t.deepEqual(claimed.toSorted(), texts.toSorted());
  });

  promised('many frames pass through little room, each once', async (t, stage) => {
    const sender = await stage.peer('sender');
    const reader = await stage.peer('reader');
    const basket = await reader.consume(MAILBOX, { room: 8 });
    const total = 300;
    let settled = 0;
    const work = async (): Promise<void> => {
      while (settled < total) {
        const claims = (await basket.holds(settled + 1)).slice(settled);
        const results = await reader.done(...claims);
        t.true(results.every((result) => result === 'settled'));
        settled += claims.length;
        basket.makeRoom(claims.length);
      }
    };
    const send = async (): Promise<void> => {
      for (let index = 0; index < total; index += 1) await sender.send(MAILBOX, `frame ${index}`);
    };
    await Promise.all([work(), send()]);
    t.is(new Set(basket.texts()).size, total);
    t.is(basket.claims.length, total);
    const empty = await reader.depth(MAILBOX, 'nothing left', ({ messages }) => messages === 0);
    t.deepEqual(empty, { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
  });

  promised('mailboxes do not mix', async (t, stage) => {
    const peer = await stage.peer('peer');
    const first = await peer.consume('first@1');
    const second = await peer.consume('second@1');
    await peer.send('second@1', 'for the second');
    await peer.send('first@1', 'for the first');
    t.is(textOf((await first.claim(0)).frame), 'for the first');
    t.is(textOf((await second.claim(0)).frame), 'for the second');
    t.deepEqual([first.claims.length, second.claims.length], [1, 1]);
    t.deepEqual([first.claims[0]?.mailbox, second.claims[0]?.mailbox], ['first@1', 'second@1']);
  });

  promised('a reader that was closed gets no further claims', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const closed = await a.consume(MAILBOX);
    await a.send(MAILBOX, 'before');
    await closed.holds(1);
    await closed.reader?.close();
    for (let index = 0; index < 10; index += 1) await a.send(MAILBOX, `after ${index}`);
    const open = await b.consume(MAILBOX);
    await open.holds(10);
    t.deepEqual(closed.texts(), ['before']);
    t.deepEqual(await a.done(...closed.claims), ['settled'], 'what it holds it may still settle');
  });

  promised('a mailbox closed and opened again is read again', async (t, stage) => {
    const peer = await stage.peer('peer');
    const first = await peer.consume(MAILBOX);
    await first.reader?.close();
    const second = await peer.consume(MAILBOX);
    await peer.send(MAILBOX, 'hello');
    await second.holds(1);
    t.is(first.claims.length, 0);
  });

  promised('the bytes of a claim are the reader’s own', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const first = await a.consume(MAILBOX, { room: 1 });
    await a.send(MAILBOX, 'untouched');
    const claim = await first.claim(0);
    claim.frame.fill(0);
    const second = await b.consume(MAILBOX);
    await a.settle({ kind: 'park', claim, todo: '1' });
    t.is(textOf((await second.claim(0)).frame), 'untouched');
  });
}
