import type { Claim } from '../../ports/broker.ts';
import { waitFor } from '../wait-for.ts';
import { bytesOf, textOf, type Basket } from './basket.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS, LATE_BEAT, SHORT_BEAT } from './times.ts';

const MAILBOX = 'work@1';
const LONG_TTL = { ...SHORT_BEAT, ttlMs: 60_000 };
const EMPTY = { messages: 0, bytes: 0, pending: 0, dead: 0 };

export function targeting(promised: Promised): void {
  promised('a targeted frame goes to its target alone, in order', async (t, stage) => {
    const sender = await stage.peer('sender');
    const [target, other] = [await stage.peer('target'), await stage.peer('other')];
    const eager = await other.consume(MAILBOX);
    const basket = await target.consume(MAILBOX, { room: 10 });
    const texts = Array.from({ length: 10 }, (_, index) => `for the target ${index}`);
    for (const text of texts) await sender.send(MAILBOX, text, { target: target.id });
    const claims = await basket.holds(10);
    t.deepEqual(basket.texts(), texts);
    await sender.send(MAILBOX, 'for anybody');
    await eager.holds(1);
    t.deepEqual(eager.texts(), ['for anybody']);
    t.deepEqual(new Set(await target.done(...claims)), new Set(['settled']));
    await other.done(...eager.claims);
    const { messages, bytes, pending, dead } = await other.link.broker.depth(MAILBOX);
    t.deepEqual({ messages, bytes, pending, dead }, EMPTY);
  });

  promised('a targeted frame waits for its target to read', async (t, stage) => {
    const sender = await stage.peer('sender');
    const target = await stage.peer('target');
    const other = await stage.peer('other');
    const aside = await other.consume(MAILBOX);
    await sender.send(MAILBOX, 'for the target', { target: target.id });
    const basket = await target.consume(MAILBOX);
    t.is(textOf((await basket.claim(0)).frame), 'for the target');
    t.deepEqual(aside.texts(), []);
  });

  promised('room that returns is for what is targeted first', async (t, stage) => {
    const sender = await stage.peer('sender');
    const target = await stage.peer('target');
    const basket = await target.consume(MAILBOX, { room: 1 });
    await sender.send(MAILBOX, 'first', { target: target.id });
    await basket.holds(1);
    await sender.send(MAILBOX, 'for anybody');
    await sender.send(MAILBOX, 'for the target', { target: target.id });
    basket.makeRoom(1);
    await basket.holds(2);
    basket.makeRoom(1);
    await basket.holds(3);
    t.deepEqual(basket.texts(), ['first', 'for the target', 'for anybody']);
  });

  promised('what is targeted at nobody’s id is for whoever has room', async (t, stage) => {
    const sender = await stage.peer('sender');
    const reader = await stage.peer('reader');
    const basket = await reader.consume(MAILBOX);
    await sender.send(MAILBOX, 'to whom', { target: 'nobody-0000000000' });
    const claim = await basket.claim(0);
    t.is(textOf(claim.frame), 'to whom');
    t.deepEqual(await reader.done(claim), ['settled']);
  });

  promised('a number counts for its target: a repeat is accepted once', async (t, stage) => {
    const sender = await stage.peer('sender');
    const target = await stage.peer('target');
    const basket = await target.consume(MAILBOX);
    await sender.send(MAILBOX, 'shared', { number: 1 });
    const first = await sender.send(MAILBOX, 'targeted', { number: 1, target: target.id });
    t.is(await sender.send(MAILBOX, 'targeted', { number: 1, target: target.id }), first);
    const batch = {
      ...{ mailbox: MAILBOX, number: 2, target: target.id },
      frames: ['two', 'three'].map((text) => ({ frame: bytesOf(text), count: 1 })),
    };
    for (let round = 0; round < 2; round += 1) {
      t.deepEqual(await sender.link.broker.appendAll(batch), { kind: 'accepted', taken: 2 });
    }
    await basket.holds(4);
    t.is((await sender.link.broker.depth(MAILBOX)).messages, 4);
    t.deepEqual(
      basket.texts().filter((text) => text !== 'shared'),
      ['targeted', 'two', 'three'],
    );
  });

  promised('what a dead target held and what waited for it is for the others', async (t, stage) => {
    const heir = await stage.peer('heir');
    const target = await stage.peer('target');
    const held = await target.consume(MAILBOX, { room: 2 });
    await heir.send(MAILBOX, 'held', { target: target.id, count: 3 });
    await held.holds(1);
    await heir.send(MAILBOX, 'marked', { target: target.id, count: 2 });
    const marked = await held.claim(1);
    await heir.send(MAILBOX, 'waiting', { target: target.id });
    await target.settle({ kind: 'mark', claim: marked, todo: '11', index: 1 });
    const basket = await heir.consume(MAILBOX);
    await target.die();
    await basket.holds(3);
    t.deepEqual(
      byText(basket, ({ crashes, deliveries, charges }) => [crashes, deliveries, [...(charges ?? [])]]),
      [
        ['held', 1, 0, []],
        ['marked', 1, 0, [[1, 1]]],
        ['waiting', 0, 0, []],
      ],
    );
    t.true((await heir.done(...basket.claims)).every((result) => result === 'settled'));
    await heir.depth(MAILBOX, 'nothing left', ({ messages, bytes }) => messages === 0 && bytes === 0);
  });

  promised(
    'what a target that leaves held and what waited for it is for the others, without a crash',
    async (t, stage) => {
      const heir = await stage.peer('heir', LONG_TTL);
      const target = await stage.peer('target', LONG_TTL);
      const held = await target.consume(MAILBOX, { room: 1 });
      for (const text of ['held', 'waiting']) await heir.send(MAILBOX, text, { target: target.id });
      await held.holds(1);
      const basket = await heir.consume(MAILBOX);
      await target.link.membership.leave();
      await basket.holds(2);
      t.deepEqual(
        byText(basket, ({ crashes, deliveries }) => [crashes, deliveries]),
        [
          ['held', 0, 0],
          ['waiting', 0, 0],
        ],
      );
    },
  );

  promised('an evicted target settles nothing, and what was its own is for the others', async (t, stage) => {
    const heir = await stage.peer('heir');
    const target = await stage.peer('target', LATE_BEAT);
    const held = await target.consume(MAILBOX, { room: 1 });
    await heir.send(MAILBOX, 'work', { target: target.id });
    const claim = await held.claim(0);
    const basket = await heir.consume(MAILBOX);
    const adopted = await basket.claim(0);
    t.deepEqual(await target.done(claim), ['not-member']);
    t.deepEqual(await heir.done(adopted), ['settled']);
  });

  promised('redelivery comes back to the target, and to others once it is gone', async (t, stage) => {
    const other = await stage.peer('other', LONG_TTL);
    const target = await stage.peer('target', LONG_TTL);
    const aside = await other.consume(MAILBOX);
    const basket = await target.consume(MAILBOX);
    await other.send(MAILBOX, 'stubborn', { target: target.id, count: 2 });
    const retry = { kind: 'retry', moved: '11', deliveries: 1, history: '[]' } as const;
    const first = await basket.claim(0);
    t.deepEqual(await target.settle({ ...retry, claim: first, at: target.link.now() + 50 }), ['settled']);
    const again = await basket.claim(1);
    t.deepEqual([again.deliveries, aside.claims.length], [1, 0]);
    await target.settle({ ...retry, claim: again, at: target.link.now() + 100, deliveries: 2 });
    await target.link.membership.leave();
    const last = await aside.claim(0);
    t.deepEqual([textOf(last.frame), last.todo ?? '11', last.deliveries, last.crashes], ['stubborn', '11', 2, 0]);
    t.deepEqual(await other.done(last), ['settled']);
    await other.depth(MAILBOX, 'nothing left', ({ messages, bytes }) => messages === 0 && bytes === 0);
  });

  promised('a targeted frame that is handed back is for whoever has room', async (t, stage) => {
    const other = await stage.peer('other');
    const target = await stage.peer('target');
    const basket = await target.consume(MAILBOX, { room: 1 });
    await other.send(MAILBOX, 'not mine', { target: target.id, count: 2 });
    const claim = await basket.claim(0);
    const aside = await other.consume(MAILBOX);
    t.deepEqual(await target.settle({ kind: 'park', claim, todo: '01' }), ['settled']);
    const adopted = await aside.claim(0);
    t.deepEqual([textOf(adopted.frame), adopted.todo, adopted.crashes, adopted.deliveries], ['not mine', '01', 0, 0]);
    t.deepEqual(await target.done(claim), ['lost']);
    t.deepEqual(await other.done(adopted), ['settled']);
  });

  promised('what waits for a target that reads no more is for the others', async (t, stage) => {
    const other = await stage.peer('other');
    const target = await stage.peer('target');
    const basket = await target.consume(MAILBOX, { room: 0 });
    await other.send(MAILBOX, 'too late', { target: target.id });
    const aside = await other.consume(MAILBOX);
    await basket.reader?.close();
    t.is(textOf((await aside.claim(0)).frame), 'too late');
  });

  promised('limits, depth and dead letters are those of the shared mailbox', async (t, stage) => {
    const sender = await stage.peer('sender');
    const target = await stage.peer('target');
    const limits = { maxLength: 4, maxBytes: 1_000_000 };
    const basket = await target.consume(MAILBOX, { room: 1, limits });
    await sender.send(MAILBOX, 'one', { target: target.id, count: 2 });
    const claim = await basket.claim(0);
    await sender.send(MAILBOX, 'two', { target: target.id });
    const full = await sender.append(MAILBOX, 'three', { target: target.id, count: 2, number: 3 });
    t.deepEqual([full.kind, full.kind === 'full' && full.room], ['full', 1]);
    t.is((await sender.append(MAILBOX, 'four', { count: 2 })).kind, 'full', 'for the shared mailbox it counts, too');
    await target.settle({ kind: 'bury', claim, moved: '11', reason: 'tired', deliveries: 1, history: '[]' });
    const [letter] = await sender.link.broker.dead(MAILBOX, { limit: 10 });
    t.deepEqual([textOf(letter?.frame ?? new Uint8Array()), letter?.todo, letter?.reason], ['one', '11', 'tired']);
    const { messages, dead } = await sender.link.broker.depth(MAILBOX);
    t.deepEqual([messages, dead], [1, 1]);
    t.true(await sender.link.broker.replay(MAILBOX, letter?.id ?? '', '11'));
    basket.makeRoom(2);
    await basket.holds(3);
    t.deepEqual(basket.texts().toSorted(), ['one', 'one', 'two']);
  });

  promised('the depth tells since when the oldest entry waits', async (t, stage) => {
    const peer = await stage.peer('peer');
    t.is((await peer.link.broker.depth(MAILBOX)).oldestAt, undefined);
    const before = peer.link.now();
    await peer.send(MAILBOX, 'first');
    const after = peer.link.now();
    await waitFor(() => peer.link.now() > after + 60, { withinMs: DEADLINE_MS, what: 'a moment' });
    await peer.send(MAILBOX, 'second');
    const oldestAt = (await peer.link.broker.depth(MAILBOX)).oldestAt ?? 0;
    t.true(oldestAt >= before - 30 && oldestAt <= after + 30, `${oldestAt} is not within ${before} and ${after}`);
    const basket = await peer.consume(MAILBOX);
    const claims = await basket.holds(2);
    t.is((await peer.link.broker.depth(MAILBOX)).oldestAt, oldestAt, 'what is in somebody’s hands is there, too');
    await peer.done(claims[0]!);
    const second = await peer.depth(MAILBOX, 'one left', ({ messages }) => messages === 1);
    t.true((second.oldestAt ?? 0) > oldestAt);
  });
}

/** Text and facts of each claim, in the order of the texts: what was never delivered comes as new, in any place. */
function byText(basket: Basket, facts: (claim: Claim) => readonly unknown[]): readonly (readonly unknown[])[] {
  return basket.claims
    .map((claim) => ({ text: textOf(claim.frame), facts: facts(claim) }))
    .toSorted((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ text, facts: told }) => [text, ...told]);
}
