import { waitFor } from '../wait-for.ts';
import { bytesOf, textOf } from './basket.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS, LATE_BEAT, SHORT_BEAT, SLEEPY_BEAT } from './times.ts';

const MAILBOX = 'legacy@1';

export function dying(promised: Promised): void {
  promised('a silent member is reaped and its claims are adopted oldest first', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const lost = await mortal.consume(MAILBOX);
    const texts = ['first', 'second', 'third', 'fourth'];
    for (const text of texts) await heir.send(MAILBOX, text);
    await lost.holds(texts.length);
    await mortal.die();
    const basket = await heir.consume(MAILBOX, { room: 1 });
    for (let position = 0; position < texts.length; position += 1) {
      const claim = await basket.claim(position);
      t.deepEqual([claim.crashes, claim.deliveries], [1, 0], 'a crash is counted, and no delivery charged');
      t.deepEqual(await heir.done(claim), ['settled']);
      basket.makeRoom(1);
    }
    t.deepEqual(basket.texts(), texts);
    t.is(await heir.isListed(mortal.id), false);
  });

  promised('progress then death repeats only what was to do', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const lost = await mortal.consume(MAILBOX);
    await heir.send(MAILBOX, 'half', { count: 4 });
    const claim = await lost.claim(0);
    t.deepEqual(await mortal.settle({ kind: 'progress', claim, todo: '0101' }), ['settled']);
    await mortal.die();
    const basket = await heir.consume(MAILBOX);
    const rest = await basket.claim(0);
    t.deepEqual([rest.todo, rest.count, rest.crashes], ['0101', 4, 1]);
  });

  promised('a start mark charges only the marked envelope', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const lost = await mortal.consume(MAILBOX);
    await heir.send(MAILBOX, 'poison inside', { count: 3 });
    await heir.send(MAILBOX, 'marked and done', { count: 3 });
    const [poison, fine] = await lost.holds(2);
    await mortal.settle(
      { kind: 'mark', claim: poison!, todo: '111', index: 0 },
      { kind: 'mark', claim: poison!, todo: '011', index: 1 },
      { kind: 'mark', claim: fine!, todo: '111', index: 0 },
      { kind: 'progress', claim: fine!, todo: '011' },
    );
    await mortal.die();
    const basket = await heir.consume(MAILBOX);
    await basket.holds(2);
    const charges = basket.claims.map((claim) => [
      textOf(claim.frame),
      claim.todo,
      claim.deliveries,
      [...(claim.charges ?? [])],
    ]);
    t.deepEqual(charges, [
      ['poison inside', '011', 0, [[1, 1]]],
      ['marked and done', '011', 0, []],
    ]);
  });

  promised('leave hands pending claims to others at once, without a crash', async (t, stage) => {
    const heir = await stage.peer('heir', { ...SHORT_BEAT, ttlMs: 60_000 });
    const leaver = await stage.peer('leaver', { ...SHORT_BEAT, ttlMs: 60_000 });
    const held = await leaver.consume(MAILBOX, { room: 2 });
    await heir.send(MAILBOX, 'one', { count: 2 });
    await heir.send(MAILBOX, 'two');
    const [one] = await held.holds(2);
    const basket = await heir.consume(MAILBOX);
    await leaver.settle({ kind: 'mark', claim: one!, todo: '11', index: 0 });
    await leaver.link.membership.leave();
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['one', 'two']);
    t.deepEqual(
      basket.claims.map((claim) => [claim.crashes, claim.deliveries, claim.charges?.size ?? 0]),
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    );
    t.is(await heir.isListed(leaver.id), false);
  });

  promised('a member that beats keeps its claims, however long they take', async (t, stage) => {
    const slow = await stage.peer('slow');
    const eager = await stage.peer('eager');
    const held = await slow.consume(MAILBOX, { room: 1 });
    await slow.send(MAILBOX, 'slow work');
    const claim = await held.claim(0);
    const basket = await eager.consume(MAILBOX);
    const startedAt = performance.now();
    await waitFor(() => performance.now() - startedAt > 3 * SHORT_BEAT.ttlMs, {
      withinMs: DEADLINE_MS,
      what: 'three TTLs to pass',
    });
    t.deepEqual(basket.texts(), []);
    t.deepEqual(slow.evictions, []);
    t.deepEqual(await slow.done(claim), ['settled']);
  });

  promised(
    'an evicted member’s settle, append and reply are refused, and it joins under a new id',
    async (t, stage) => {
      const neighbour = await stage.peer('neighbour');
      const sleepy = await stage.peer('sleepy', SLEEPY_BEAT);
      const held = await sleepy.consume(MAILBOX, { room: 1 });
      await neighbour.send(MAILBOX, 'work');
      const claim = await held.claim(0);
      await neighbour.missing(sleepy.id);
      const basket = await neighbour.consume(MAILBOX);
      const adopted = await basket.claim(0);
      t.deepEqual(await sleepy.done(claim), ['not-member']);
      t.deepEqual(await sleepy.append(MAILBOX, 'late'), { kind: 'not-member' });
      t.is(await sleepy.link.broker.reply(neighbour.id, bytesOf('late')), 'not-member');
      t.deepEqual(await neighbour.done(adopted), ['settled'], 'the heir’s hold is untouched');

      const oldId = sleepy.id;
      await held.reader?.close();
      await basket.reader?.close();
      t.true((await sleepy.join()) !== oldId);
      t.deepEqual(await sleepy.done(claim), ['lost'], 'what it held before is not its own any more');
      await sleepy.send(MAILBOX, 'under the new id', { number: 1 });
      const again = await sleepy.consume(MAILBOX);
      t.is(textOf((await again.claim(0)).frame), 'under the new id');
      t.deepEqual(neighbour.inbox, []);
    },
  );

  promised('an evicted member learns of it with its next beat', async (t, stage) => {
    const neighbour = await stage.peer('neighbour');
    const late = await stage.peer('late', LATE_BEAT);
    await neighbour.missing(late.id);
    await waitFor(() => late.evictions.length > 0, { withinMs: DEADLINE_MS, what: 'the eviction to be heard of' });
    t.is(late.evictions.length, 1);
    t.true(late.evictions[0] !== '');
  });

  promised('a reader outlives an eviction: after joining again it claims for the new id', async (t, stage) => {
    const neighbour = await stage.peer('neighbour');
    const late = await stage.peer('late', LATE_BEAT);
    const basket = await late.consume(MAILBOX);
    await neighbour.missing(late.id);
    await waitFor(() => late.evictions.length > 0, { withinMs: DEADLINE_MS, what: 'the eviction to be heard of' });
    await late.join();
    await neighbour.send(MAILBOX, 'afterwards');
    const claim = await basket.claim(0);
    t.is(textOf(claim.frame), 'afterwards');
    t.deepEqual(await late.done(claim), ['settled']);
  });

  promised('a reply to a node that left or died is gone', async (t, stage) => {
    const peer = await stage.peer('peer');
    const leaver = await stage.peer('leaver');
    const mortal = await stage.peer('mortal');
    await leaver.link.membership.leave();
    await mortal.die();
    t.is(await peer.link.broker.reply(leaver.id, bytesOf('hello?')), 'gone');
    await peer.missing(mortal.id);
    t.is(await peer.link.broker.reply(mortal.id, bytesOf('hello?')), 'gone');
    t.is(await peer.link.broker.reply('nobody-0000000000', bytesOf('hello?')), 'gone');
  });
}
