import { partitionName } from '../../ports/partitions.ts';
import { TransportError } from '../../ground/errors.ts';
import { BANK, FIRST, inherit, own, PARTITIONS, read, split, take } from './keyed-kit.ts';
import type { Promised } from './stage.ts';

const texts = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, at) => `m${first + at}`);

export function partitionReading(promised: Promised): void {
  promised('an owner reads its partition in order, what came before it and what comes', async (t, stage) => {
    const sender = await stage.peer('sender');
    const owner = await stage.peer('owner');
    const ids: string[] = [];
    for (const text of texts(1, 5)) ids.push(await sender.send(FIRST, text, { count: 3 }));
    const basket = await own(owner);
    await basket.holds(5);
    for (const text of texts(6, 10)) ids.push(await sender.send(FIRST, text, { count: 3 }));
    await basket.holds(10);
    t.deepEqual(basket.texts(), texts(1, 10));
    t.deepEqual(
      basket.claims.map(({ mailbox, id, count, deliveries }) => [mailbox, id, count, deliveries]),
      ids.map((id) => [FIRST, id, 3, 0]),
    );
  });

  promised('what is not for a partition does not come to its reader', async (t, stage) => {
    const peer = await stage.peer('peer');
    await split(peer);
    const baskets = [];
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await take(peer, partition);
      baskets.push(await read(peer, partition));
    }
    for (const text of texts(1, 8))
      for (let partition = 0; partition < PARTITIONS; partition += 1)
        await peer.send(partitionName(BANK, partition), `${partition}${text}`);
    for (const [partition, basket] of baskets.entries()) {
      await basket.holds(8);
      t.deepEqual(
        basket.texts(),
        texts(1, 8).map((text) => `${partition}${text}`),
      );
    }
  });

  promised('no more is read of a partition than there is room for', async (t, stage) => {
    const peer = await stage.peer('peer');
    await split(peer);
    await take(peer);
    await take(peer, 1);
    const narrow = await read(peer, 0, 2);
    const wide = await read(peer, 1);
    for (const text of texts(1, 5)) await peer.send(FIRST, text);
    await narrow.holds(2);
    await peer.send(partitionName(BANK, 1), 'meanwhile');
    await wide.holds(1);
    t.deepEqual(narrow.texts(), ['m1', 'm2']);
    narrow.makeRoom(1);
    await narrow.holds(3);
    t.deepEqual(narrow.texts(), ['m1', 'm2', 'm3']);
    narrow.makeRoom(100);
    await narrow.holds(5);
    await peer.send(FIRST, 'm6');
    await narrow.holds(6);
    t.deepEqual(narrow.texts(), texts(1, 6));
  });

  promised('many frames pass through little room, each once and in order', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    basket.room = 3;
    const all = texts(1, 200);
    const sending = (async () => {
      for (const text of all) await peer.send(FIRST, text);
    })();
    for (let position = 0; position < all.length; position += 1) {
      const claim = await basket.claim(position);
      t.deepEqual(await peer.done(claim), ['settled']);
      basket.makeRoom(1);
    }
    await sending;
    t.deepEqual(basket.texts(), all);
    t.is((await peer.link.broker.depth(FIRST)).messages, 0);
  });

  promised('a delayed frame takes its place in a partition when it is due', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'later', { at: peer.link.now() + 150 });
    await peer.send(FIRST, 'now');
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['now', 'later']);
    t.deepEqual(await peer.done(...basket.claims), ['settled', 'settled']);
    t.is((await peer.link.broker.depth(FIRST)).messages, 0);
  });

  promised('a reader that is sent back reads again from there', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    for (const text of texts(1, 4)) await peer.send(FIRST, text);
    const [, second] = await basket.holds(4);
    basket.reader?.seek(second!.id);
    await basket.holds(6);
    t.deepEqual(basket.texts(), ['m1', 'm2', 'm3', 'm4', 'm3', 'm4']);
    t.deepEqual(await peer.done(basket.claims[0]!), ['settled']);
    basket.reader?.seek('');
    await basket.holds(9);
    await peer.send(FIRST, 'm5');
    await basket.holds(10);
    t.deepEqual(basket.texts().slice(6), ['m2', 'm3', 'm4', 'm5']);
    t.deepEqual(await peer.done(...basket.claims.slice(6)), ['settled', 'settled', 'settled', 'settled']);
  });

  promised('a reader that is sent back behind the last entry waits for the next', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'm1');
    basket.reader?.seek((await basket.claim(0)).id);
    await peer.send(FIRST, 'm2');
    await basket.holds(2);
    t.deepEqual(basket.texts(), ['m1', 'm2']);
  });

  promised('who has no room and is sent back reads once there is room', async (t, stage) => {
    const peer = await stage.peer('peer');
    await split(peer);
    await take(peer);
    const basket = await read(peer, 0, 2);
    for (const text of texts(1, 3)) await peer.send(FIRST, text);
    await basket.holds(2);
    basket.reader?.seek('');
    basket.makeRoom(3);
    await basket.holds(5);
    t.deepEqual(basket.texts(), ['m1', 'm2', 'm1', 'm2', 'm3']);
  });

  promised('a closed reader brings nothing more, and the next one begins with what is left', async (t, stage) => {
    const peer = await stage.peer('peer');
    const before = await own(peer);
    for (const text of texts(1, 3)) await peer.send(FIRST, text);
    await before.holds(3);
    t.deepEqual(await peer.done(before.claims[0]!), ['settled']);
    await before.reader?.close();
    await peer.send(FIRST, 'm4');
    const after = await read(peer);
    await after.holds(3);
    t.deepEqual(after.texts(), texts(2, 4));
    t.is(before.claims.length, 3);
  });

  promised('only its owner reads a partition, and once at a time', async (t, stage) => {
    const owner = await stage.peer('owner');
    const other = await stage.peer('other');
    await own(owner);
    for (const peer of [owner, other]) {
      const refusal = await read(peer).catch((error: unknown) => error);
      t.true(refusal instanceof TransportError);
      t.is((refusal as TransportError).outcome, 'not-executed');
    }
  });

  promised('whoever owns a partition next begins with the first entry that is left', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const basket = await own(mortal);
    for (const text of texts(1, 5)) await heir.send(FIRST, text, { count: 2 });
    const [first, , third, fourth] = await basket.holds(5);
    t.deepEqual(
      await mortal.settle(
        { kind: 'done', claim: first! },
        { kind: 'progress', claim: third!, todo: '01' },
        { kind: 'done', claim: fourth! },
      ),
      ['settled', 'settled', 'settled'],
    );
    await mortal.die();
    await inherit(heir);
    const rest = await read(heir);
    await rest.holds(3);
    t.deepEqual(rest.texts(), ['m2', 'm3', 'm5']);
    t.deepEqual(
      rest.claims.map(({ todo, crashes }) => [todo ?? '11', crashes]),
      [
        ['11', 0],
        ['01', 0],
        ['11', 0],
      ],
    );
  });

  promised('the sender may write to its buffer again once a partition has accepted the frame', async (t, stage) => {
    const peer = await stage.peer('peer');
    const buffer = Buffer.from('original');
    await peer.link.broker.append({ mailbox: FIRST, number: 1, frame: buffer, count: 1 });
    buffer.fill('x');
    const basket = await own(peer);
    await basket.holds(1);
    t.deepEqual(basket.texts(), ['original']);
  });
}
