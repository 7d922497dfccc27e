import type { AppendResult } from '../../ports/broker.ts';
import { textOf } from './basket.ts';
import type { Promised } from './stage.ts';

const MAILBOX = 'letters@1';

export function appending(promised: Promised): void {
  promised('a frame accepted once is claimed once', async (t, stage) => {
    const sender = await stage.peer('sender');
    const reader = await stage.peer('reader');
    const basket = await reader.consume(MAILBOX);
    const id = await sender.send(MAILBOX, 'hello', { count: 3 });
    await sender.send(MAILBOX, 'the end');
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['hello', 'the end']);
    const claim = await basket.claim(0);
    t.deepEqual([claim.mailbox, claim.id, claim.count, claim.todo ?? '111'], [MAILBOX, id, 3, '111']);
    t.deepEqual([claim.deliveries, claim.crashes, claim.charges?.size ?? 0], [0, 0, 0]);
  });

  promised('a frame waits for the first node that serves its mailbox', async (t, stage) => {
    const sender = await stage.peer('sender');
    await sender.send(MAILBOX, 'early');
    const reader = await stage.peer('reader');
    const basket = await reader.consume(MAILBOX);
    t.is(textOf((await basket.claim(0)).frame), 'early');
  });

  promised('the sender may write to its buffer again once the frame is accepted', async (t, stage) => {
    const peer = await stage.peer('peer');
    const buffer = Buffer.from('original');
    await peer.link.broker.append({ mailbox: MAILBOX, number: 1, frame: buffer, count: 1 });
    buffer.fill('x');
    const basket = await peer.consume(MAILBOX);
    t.is(textOf((await basket.claim(0)).frame), 'original');
  });

  promised('a frame of a mebibyte passes byte for byte', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    const frame = new Uint8Array(1_048_576).map((_, index) => (index * 31) % 251);
    const result = await peer.link.broker.append({ mailbox: MAILBOX, number: 1, frame, count: 1 });
    t.is(result.kind, 'accepted');
    const claim = await basket.claim(0);
    t.true(Buffer.from(frame).equals(claim.frame));
  });

  promised('one producer’s frames keep their order', async (t, stage) => {
    const peer = await stage.peer('peer');
    const texts = Array.from({ length: 50 }, (_, index) => `frame ${index}`);
    for (const text of texts) await peer.send(MAILBOX, text);
    const basket = await peer.consume(MAILBOX);
    await basket.holds(texts.length);
    t.deepEqual(basket.texts(), texts);
  });

  promised('a producer’s number is accepted once, whichever node sends it', async (t, stage) => {
    const [first, second] = [await stage.peer('first'), await stage.peer('second')];
    const append = (peer: typeof first, number: number, text: string): Promise<AppendResult> =>
      peer.link.broker.append({ mailbox: MAILBOX, number, frame: Buffer.from(text), count: 1, producer: 'every-hour' });
    const once = await append(first, 5, 'five');
    t.deepEqual(await append(second, 5, 'five again'), once);
    t.deepEqual((await append(second, 7, 'seven')).kind, 'accepted');
    // Its own numbers are others.
    await second.send(MAILBOX, 'its own');
    const basket = await first.consume(MAILBOX);
    await basket.holds(3);
    t.deepEqual(basket.texts(), ['five', 'seven', 'its own']);
  });

  promised(
    'several frames appended in one step are claimed in order, and repeating the step adds nothing',
    async (t, stage) => {
      const peer = await stage.peer('peer');
      const frames = ['one', 'two', 'three'].map((text) => ({ frame: Buffer.from(text), count: 1 }));
      const step = { mailbox: MAILBOX, number: 1, frames };
      const first = await peer.link.broker.appendAll(step);
      const again = await peer.link.broker.appendAll(step);
      t.deepEqual(
        [first, again].map((result) => (result.kind === 'accepted' ? result.taken : result.kind)),
        [3, 3],
      );
      const next = await peer.link.broker.append({ mailbox: MAILBOX, number: 4, frame: Buffer.from('four'), count: 1 });
      t.is(next.kind, 'accepted');
      const basket = await peer.consume(MAILBOX);
      await basket.holds(4);
      t.deepEqual(basket.texts(), ['one', 'two', 'three', 'four']);
    },
  );

  promised('a step stops at the first frame that does not fit, and that number is not used up', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX, { limits: { maxLength: 3, maxBytes: 1_000_000 }, room: 0 });
    const frames = [2, 2, 1].map((count, index) => ({ frame: Buffer.from(`frame ${index}`), count }));
    const result = await peer.link.broker.appendAll({ mailbox: MAILBOX, number: 1, frames });
    t.is(result.kind === 'accepted' ? result.taken : -1, 1);
    const second = await peer.link.broker.append({ mailbox: MAILBOX, number: 2, frame: Buffer.from('fits'), count: 1 });
    t.is(second.kind, 'accepted');
    basket.makeRoom(10);
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['frame 0', 'fits']);
  });

  promised('repeating a number is accepted once with the same id', async (t, stage) => {
    const peer = await stage.peer('peer');
    const first = await peer.send(MAILBOX, 'once', { number: 1 });
    const second = await peer.send(MAILBOX, 'once', { number: 1 });
    t.is(second, first);
    await peer.send(MAILBOX, 'the end', { number: 2 });
    const basket = await peer.consume(MAILBOX);
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['once', 'the end']);
  });

  promised('repeating the number of a delayed frame is accepted once', async (t, stage) => {
    const peer = await stage.peer('peer');
    const at = peer.link.now() + 100;
    const first = await peer.send(MAILBOX, 'once', { number: 1, at });
    t.is(await peer.send(MAILBOX, 'once', { number: 1, at }), first);
    await peer.send(MAILBOX, 'the end', { number: 2, at: at + 1 });
    const basket = await peer.consume(MAILBOX);
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['once', 'the end']);
  });

  promised('numbers belong to one producer and one mailbox, and may leave a gap', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await a.send(MAILBOX, 'a1', { number: 1 });
    await b.send(MAILBOX, 'b1', { number: 1 });
    await a.send('others@1', 'other', { number: 1 });
    await a.send(MAILBOX, 'a9', { number: 9 });
    const basket = await b.consume(MAILBOX);
    await basket.holds(3);
    t.deepEqual(basket.texts(), ['a1', 'b1', 'a9']);
  });

  promised('a delayed frame comes not before its time, and in order of time', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX);
    const soon = peer.link.now() + 150;
    await peer.send(MAILBOX, 'later', { at: soon + 150 });
    await peer.send(MAILBOX, 'soon', { at: soon });
    await peer.send(MAILBOX, 'now');
    await basket.holds(2);
    t.true(peer.link.now() >= soon);
    await basket.holds(3);
    t.true(peer.link.now() >= soon + 150);
    t.deepEqual(basket.texts(), ['now', 'soon', 'later']);
  });

  promised('an append brings the hints of its mailbox back', async (t, stage) => {
    const sender = await stage.peer('sender');
    const reader = await stage.peer('reader');
    t.deepEqual(Object.keys(await sender.append(MAILBOX, 'one')).toSorted(), ['id', 'kind']);
    await reader.link.broker.hint(MAILBOX, 'work:8');
    await reader.link.broker.hint(MAILBOX, 'work:16');
    await reader.link.broker.hint('others@1', 'work:1');
    const second = await sender.append(MAILBOX, 'two');
    t.is(second.kind === 'accepted' ? second.hints : second.kind, 'work:16');
  });

  promised('a node that has not joined can neither append nor reply', async (t, stage) => {
    const stranger = await stage.stranger('stranger');
    const member = await stage.peer('member');
    t.is((await stranger.append(MAILBOX, 'no')).kind, 'not-member');
    t.is(await stranger.link.broker.reply(member.id, new Uint8Array([1])), 'not-member');
    t.is((await member.link.broker.depth(MAILBOX)).messages, 0);
  });
}
