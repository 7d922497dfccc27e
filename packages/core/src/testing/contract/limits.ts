import { bytesOf, textOf } from './basket.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';
import { waitFor } from '../wait-for.ts';

const MAILBOX = 'narrow@1';
/** Sooner than whoever was not told tries again, ms. */
const SOON_MS = 500;

export function limits(promised: Promised): void {
  promised('a full mailbox refuses and says how much room is left, and nothing is written', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX, { room: 0, limits: { maxLength: 10, maxBytes: 1_000_000 } });
    await peer.send(MAILBOX, 'eight', { number: 1, count: 8 });
    const refused = await peer.append(MAILBOX, 'three', { number: 2, count: 3 });
    t.deepEqual(refused, {
      kind: 'full',
      room: 2,
      messages: 8,
      bytes: refused.kind === 'full' ? refused.bytes : -1,
      maxLength: 10,
      maxBytes: 1_000_000,
    });
    await peer.send(MAILBOX, 'two', { number: 2, count: 2 });
    basket.makeRoom(100);
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['eight', 'two']);
    t.is((await peer.append(MAILBOX, 'one', { number: 3 })).kind, 'full', 'what is in hand still counts');
    await peer.done(...basket.claims);
    t.is((await peer.append(MAILBOX, 'one', { number: 3 })).kind, 'accepted');
  });

  promised('a mailbox is bounded in bytes too', async (t, stage) => {
    const peer = await stage.peer('peer');
    await peer.consume(MAILBOX, { room: 0, limits: { maxLength: 1_000, maxBytes: 1_000 } });
    await peer.send(MAILBOX, 'x'.repeat(800), { number: 1 });
    t.is((await peer.append(MAILBOX, 'x'.repeat(800), { number: 2 })).kind, 'full');
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 1);
  });

  promised(
    'room is given to those that stand in line first come first served, and to nobody else',
    async (t, stage) => {
      const reader = await stage.peer('reader');
      const [first, second, other] = [await stage.peer('first'), await stage.peer('second'), await stage.peer('other')];
      const basket = await reader.consume(MAILBOX, { limits: { maxLength: 1, maxBytes: 1_000_000 } });
      await reader.send(MAILBOX, 'full');
      const claim = await basket.claim(0);
      t.is((await first.append(MAILBOX, 'one', { number: 1, patient: true })).kind, 'full');
      t.is((await second.append(MAILBOX, 'two', { number: 1, patient: true })).kind, 'full');
      const turn = first.link.broker.turn(MAILBOX, new AbortController().signal);
      await reader.done(claim);
      const pushed = await other.append(MAILBOX, 'pushes in', { number: 1 });
      t.deepEqual(pushed.kind === 'full' && [pushed.room, pushed.messages], [0, 0]);
      t.is((await second.append(MAILBOX, 'two', { number: 1, patient: true })).kind, 'full', 'it is the second');
      await turn;
      t.is((await first.append(MAILBOX, 'one', { number: 1, patient: true })).kind, 'accepted');
      const next = await basket.claim(1);
      const secondTurn = second.link.broker.turn(MAILBOX, new AbortController().signal);
      await reader.done(next);
      await secondTurn;
      t.is((await second.append(MAILBOX, 'two', { number: 1, patient: true })).kind, 'accepted');
      await reader.done(await basket.claim(2));
      t.is((await other.append(MAILBOX, 'last', { number: 1 })).kind, 'accepted', 'nobody is in line any more');
      await basket.holds(4);
      t.deepEqual(basket.texts(), ['full', 'one', 'two', 'last']);
    },
  );

  promised('who stands in line and leaves, or lets its turn pass, holds nobody up for long', async (t, stage) => {
    const reader = await stage.peer('reader');
    const [gone, idle, other] = [await stage.peer('gone'), await stage.peer('idle'), await stage.peer('other')];
    const basket = await reader.consume(MAILBOX, { limits: { maxLength: 1, maxBytes: 1_000_000 } });
    await reader.send(MAILBOX, 'full');
    const claim = await basket.claim(0);
    for (const peer of [gone, idle]) await peer.append(MAILBOX, 'never', { number: 1, patient: true });
    await gone.link.membership.leave();
    await reader.done(claim);
    t.is((await other.append(MAILBOX, 'at last', { number: 1 })).kind, 'full');
    const accepted = async (): Promise<boolean> =>
      (await other.append(MAILBOX, 'at last', { number: 1 })).kind === 'accepted';
    await waitFor(accepted, { withinMs: DEADLINE_MS, what: 'the place of the idle one to be forfeit' });
    t.is(await basket.claim(1).then(({ frame }) => textOf(frame)), 'at last');
  });

  promised('a turn that comes before its node waits for it is not lost', async (t, stage) => {
    const [reader, waiter] = [await stage.peer('reader'), await stage.peer('waiter')];
    const basket = await reader.consume(MAILBOX, { limits: { maxLength: 1, maxBytes: 1_000_000 } });
    await reader.send(MAILBOX, 'full');
    const claim = await basket.claim(0);
    t.is((await waiter.append(MAILBOX, 'one', { number: 1, patient: true })).kind, 'full');
    await reader.done(claim);
    // What comes to its inbox comes in order.
    await reader.link.broker.reply(waiter.id, bytesOf('after the turn'));
    await waitFor(() => waiter.inbox.length === 1, { withinMs: DEADLINE_MS, what: 'the inbox to be read' });
    const startedAt = performance.now();
    await waiter.link.broker.turn(MAILBOX, new AbortController().signal);
    t.true(performance.now() - startedAt < SOON_MS, 'it was there already');
    t.is((await waiter.append(MAILBOX, 'one', { number: 1, patient: true })).kind, 'accepted');
  });

  promised('the turn of who has left meanwhile is the next one’s', async (t, stage) => {
    const reader = await stage.peer('reader');
    const [gone, next] = [await stage.peer('gone'), await stage.peer('next')];
    const basket = await reader.consume(MAILBOX, { limits: { maxLength: 1, maxBytes: 1_000_000 } });
    await reader.send(MAILBOX, 'full');
    const claim = await basket.claim(0);
    for (const peer of [gone, next]) await peer.append(MAILBOX, 'mine', { number: 1, patient: true });
    await gone.link.membership.leave();
    const turn = next.link.broker.turn(MAILBOX, new AbortController().signal);
    const startedAt = performance.now();
    await reader.done(claim);
    await turn;
    t.true(performance.now() - startedAt < SOON_MS, 'it is told');
    t.is((await next.append(MAILBOX, 'mine', { number: 1, patient: true })).kind, 'accepted');
  });

  promised('turns that nobody wants any more are passed on', async (t, stage) => {
    const reader = await stage.peer('reader');
    const basket = await reader.consume(MAILBOX, { limits: { maxLength: 1, maxBytes: 1_000_000 } });
    await reader.send(MAILBOX, 'full');
    const claim = await basket.claim(0);
    // Each gave up while it stood in line.
    for (let n = 0; n < 6; n += 1)
      await (await stage.peer(`idle-${n}`)).append(MAILBOX, 'never', { number: 1, patient: true });
    const other = await stage.peer('other');
    await reader.done(claim);
    const startedAt = performance.now();
    await waitFor(async () => (await other.append(MAILBOX, 'mine', { number: 1 })).kind === 'accepted', {
      withinMs: 2 * DEADLINE_MS,
      what: 'its turn',
    });
    const ms = performance.now() - startedAt;
    t.true(ms < 3_000, `a second each would be six: ${Math.round(ms)} ms`);
  });

  promised('what never fits does not stand in line, and of a large burst what fits does', async (t, stage) => {
    const [peer, other] = [await stage.peer('peer'), await stage.peer('other')];
    await peer.consume(MAILBOX, { room: 0, limits: { maxLength: 100, maxBytes: 1_000 } });
    t.is((await peer.append(MAILBOX, 'x'.repeat(2_000), { number: 1, patient: true })).kind, 'full');
    await other.send(MAILBOX, 'x'.repeat(100));
    const burst = await peer.append(MAILBOX, 'x'.repeat(1_800), { number: 1, count: 6 });
    t.is(burst.kind === 'full' && burst.room, 3);
  });

  promised('a wait for a turn ends with the signal, and by itself', async (t, stage) => {
    const peer = await stage.peer('peer');
    const ending = new AbortController();
    const ended = peer.link.broker.turn(MAILBOX, ending.signal);
    ending.abort();
    await ended;
    await peer.link.broker.turn(MAILBOX, new AbortController().signal);
    t.is((await peer.append(MAILBOX, 'anyway', { number: 1 })).kind, 'accepted');
  });

  promised('delayed frames count against the limit', async (t, stage) => {
    const peer = await stage.peer('peer');
    await peer.consume(MAILBOX, { room: 0, limits: { maxLength: 2, maxBytes: 1_000_000 } });
    await peer.send(MAILBOX, 'much later', { number: 1, count: 2, at: peer.link.now() + 3_600_000 });
    t.is((await peer.append(MAILBOX, 'now', { number: 2 })).kind, 'full');
    t.is((await peer.append(MAILBOX, 'later', { number: 2, at: peer.link.now() + 3_600_000 })).kind, 'full');
    t.is((await peer.link.broker.depth(MAILBOX)).messages, 2);
  });

  promised('redelivery is never refused', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX, { limits: { maxLength: 1, maxBytes: 1_000 } });
    await peer.send(MAILBOX, 'only');
    const claim = await basket.claim(0);
    const at = peer.link.now();
    t.deepEqual(await peer.settle({ kind: 'retry', claim, moved: '1', at, deliveries: 1, history: '[]' }), ['settled']);
    const again = await basket.claim(1);
    await peer.settle({ kind: 'bury', claim: again, moved: '1', reason: 'tired', deliveries: 2, history: '[]' });
    await peer.send(MAILBOX, 'second');
    const [letter] = await peer.link.broker.dead(MAILBOX, { limit: 10 });
    t.true(await peer.link.broker.replay(MAILBOX, letter?.id ?? 'none', '1'));
    await basket.holds(4);
    t.deepEqual(basket.texts().slice(2).toSorted(), ['only', 'second']);
  });

  promised('depth counts what waits, what is in hand and what is dead', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await peer.consume(MAILBOX, { room: 2 });
    for (const text of ['a', 'b', 'c', 'd']) await peer.send(MAILBOX, text, { count: 2 });
    const [first] = await basket.holds(2);
    const full = await peer.depth(
      MAILBOX,
      '2 waiting and 2 in hand',
      ({ waiting, pending }) => waiting === 2 && pending === 2,
    );
    t.is(full.messages, 8);
    t.is(full.dead, 0);
    t.true(full.bytes > 0);
    await peer.settle({ kind: 'bury', claim: first!, moved: '11', reason: 'tired', deliveries: 3, history: '[]' });
    const after = await peer.depth(MAILBOX, 'one dead', ({ dead }) => dead === 1);
    t.is(after.messages, 6);
    t.is(after.pending, 1);
    t.true(after.bytes < full.bytes);
  });

  promised('a mailbox nobody has used is empty', async (t, stage) => {
    const peer = await stage.peer('peer');
    t.deepEqual(await peer.link.broker.depth(MAILBOX), { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
    t.deepEqual(await peer.link.broker.dead(MAILBOX, { limit: 10 }), []);
  });
}
