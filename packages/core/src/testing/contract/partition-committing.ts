import type { KeyedCommit } from '../../ports/partitions.ts';
import { bytesOf, textOf } from './basket.ts';
import { BANK, castOf, commitOf, FIRST, inherit, own, read, take } from './keyed-kit.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';
import { LATE_BEAT } from './times.ts';

const commit = (peer: Peer, what: KeyedCommit): Promise<string> => peer.link.partitions.commit(BANK, 0, what);

const stateOf = async (peer: Peer, ...keys: string[]): Promise<(string | undefined)[]> =>
  (await peer.link.partitions.states(BANK, 0, keys)).map((state) => (state === undefined ? undefined : textOf(state)));

const castsOf = async (peer: Peer): Promise<string[]> =>
  (await peer.link.partitions.outgoing(BANK, 0, 100)).map(({ frame }) => textOf(frame));

export function partitionCommitting(promised: Promised): void {
  promised('a commit writes the state, ends the envelope and keeps the casts, in one step', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work');
    const claim = await basket.claim(0);
    t.deepEqual(await stateOf(peer, 'ann'), [undefined]);
    const casts = [castOf('one'), castOf('two', 'mail@2')];
    t.is(await commit(peer, commitOf(claim, { state: bytesOf('10'), casts })), 'settled');
    t.deepEqual(await stateOf(peer, 'ann', 'bob'), ['10', undefined]);
    const depth = await peer.link.broker.depth(FIRST);
    t.deepEqual([depth.messages, depth.bytes, depth.waiting], [0, 0, 0]);
    const outgoing = await peer.link.partitions.outgoing(BANK, 0, 100);
    t.deepEqual(
      outgoing.map(({ mailbox, frame, count }) => [mailbox, textOf(frame), count]),
      [
        ['audit@1', 'one', 1],
        ['mail@2', 'two', 1],
      ],
    );
  });

  promised('a commit that comes again changes nothing', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work', { count: 2 });
    const claim = await basket.claim(0);
    t.is(await commit(peer, commitOf(claim, { state: bytesOf('10'), casts: [castOf('once')] })), 'settled');
    t.is(await commit(peer, commitOf(claim, { state: bytesOf('20'), casts: [castOf('twice')] })), 'lost');
    const answer = bytesOf('yes');
    const call = commitOf(claim, { index: 1, key: 'bob', state: bytesOf('1'), answer });
    t.is(await commit(peer, call), 'settled');
    t.is(await commit(peer, { ...call, state: bytesOf('2') }), 'lost');
    t.is(await commit(peer, { ...commitOf(claim, { index: 1, key: 'bob' }), state: bytesOf('3') }), 'lost');
    t.deepEqual(await stateOf(peer, 'ann', 'bob'), ['10', '1']);
    t.deepEqual(await castsOf(peer), ['once']);
  });

  promised('envelopes of one entry are committed in any order, and the last one ends it', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work', { count: 3 });
    const claim = await basket.claim(0);
    const commits = [2, 0].map((index) =>
      commit(peer, commitOf(claim, { index, key: `k${index}`, state: bytesOf('1') })),
    );
    t.deepEqual(await Promise.all(commits), ['settled', 'settled']);
    t.is((await peer.link.broker.depth(FIRST)).messages, 1);
    t.deepEqual(await peer.settle({ kind: 'progress', claim, todo: '111' }), ['settled'], 'masks only lose ones');
    t.is((await peer.link.broker.depth(FIRST)).messages, 1);
    t.is(await commit(peer, commitOf(claim, { index: 1 })), 'settled');
    t.deepEqual(await peer.done(claim), ['lost']);
    t.is((await peer.link.broker.depth(FIRST)).messages, 0);
  });

  promised('a state can be deleted, left as it is, and be no bytes at all', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work', { count: 4 });
    const claim = await basket.claim(0);
    await commit(peer, commitOf(claim, { index: 0, key: 'ann', state: bytesOf('10') }));
    await commit(peer, commitOf(claim, { index: 1, key: '', state: new Uint8Array() }));
    await commit(peer, commitOf(claim, { index: 2, key: 'ann' }));
    t.deepEqual(await stateOf(peer, 'ann', ''), ['10', '']);
    await commit(peer, commitOf(claim, { index: 3, key: 'ann', state: null }));
    t.deepEqual(await stateOf(peer, 'ann', ''), [undefined, '']);
    t.deepEqual(await stateOf(peer), []);
  });

  promised('states pass byte for byte, under any key', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work', { count: 2 });
    const claim = await basket.claim(0);
    const state = Uint8Array.from({ length: 70_000 }, (_, at) => at % 256);
    const keys = ['a\r\n\0 b', 'żółw 🐢'];
    for (const [index, key] of keys.entries()) await commit(peer, commitOf(claim, { index, key, state }));
    for (const read of await peer.link.partitions.states(BANK, 0, keys)) t.deepEqual([...read!], [...state]);
  });

  promised('the state of a key outlives its owner', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const basket = await own(mortal);
    await heir.send(FIRST, 'work');
    await commit(mortal, commitOf(await basket.claim(0), { state: bytesOf('10'), casts: [castOf('left')] }));
    await mortal.die();
    await inherit(heir);
    t.deepEqual(await stateOf(heir, 'ann'), ['10']);
    t.deepEqual(await castsOf(heir), ['left']);
  });

  promised('a call that was applied stays until it is answered, and comes with its answer', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const basket = await own(mortal);
    await heir.send(FIRST, 'calls', { count: 3 });
    const claim = await basket.claim(0);
    t.is(await commit(mortal, commitOf(claim, { index: 2, state: bytesOf('10'), answer: bytesOf('yes') })), 'settled');
    t.is(await commit(mortal, commitOf(claim, { index: 0, key: 'bob', answer: new Uint8Array() })), 'settled');
    t.is((await heir.link.broker.depth(FIRST)).messages, 3);
    await mortal.die();
    await inherit(heir);
    const rest = await read(heir);
    const again = await rest.claim(0);
    t.deepEqual(
      [0, 1, 2].map((index) => again.applied?.get(index)).map((answer) => answer && textOf(answer)),
      ['', undefined, 'yes'],
    );
    t.is(await commit(heir, commitOf(again, { index: 2, state: bytesOf('20') })), 'lost');
    t.deepEqual(await heir.settle({ kind: 'progress', claim: again, todo: '010' }), ['settled']);
    t.deepEqual(await heir.done(again), ['settled']);
    t.deepEqual(await stateOf(heir, 'ann'), ['10']);
    t.is((await heir.link.broker.depth(FIRST)).messages, 0);
  });

  promised('casts are numbered, and those that were relayed are gone', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'work', { count: 3 });
    const claim = await basket.claim(0);
    for (const index of [0, 1, 2])
      await commit(peer, commitOf(claim, { index, casts: [castOf(`${index}a`), castOf(`${index}b`)] }));
    const all = await peer.link.partitions.outgoing(BANK, 0, 100);
    t.deepEqual(await castsOf(peer), ['0a', '0b', '1a', '1b', '2a', '2b']);
    for (const [at, { number }] of all.entries()) {
      t.true(Number.isSafeInteger(number));
      if (at > 0) t.true(number > all[at - 1]!.number);
    }
    t.deepEqual(
      (await peer.link.partitions.outgoing(BANK, 0, 2)).map(({ number }) => number),
      all.slice(0, 2).map(({ number }) => number),
    );
    await peer.link.partitions.relayed(BANK, 0, all[3]!.number);
    await peer.link.partitions.relayed(BANK, 0, all[1]!.number);
    t.deepEqual(await castsOf(peer), ['2a', '2b']);
    await peer.link.partitions.relayed(BANK, 0, all[5]!.number);
    t.deepEqual(await castsOf(peer), []);
  });

  promised('a cast is relayed once, whoever relays it', async (t, stage) => {
    const heir = await stage.peer('heir');
    const mortal = await stage.peer('mortal');
    const basket = await own(mortal);
    await heir.send(FIRST, 'work');
    await commit(mortal, commitOf(await basket.claim(0), { casts: [castOf('once')] }));
    const relay = async (peer: Peer): Promise<void> => {
      for (const { mailbox, frame, count, number } of await peer.link.partitions.outgoing(BANK, 0, 10))
        await peer.link.broker.append({ mailbox, frame, count, number, producer: FIRST });
    };
    await relay(mortal);
    await mortal.die();
    await inherit(heir);
    await relay(heir);
    const [cast] = await heir.link.partitions.outgoing(BANK, 0, 10);
    await heir.link.partitions.relayed(BANK, 0, cast!.number);
    t.is((await heir.link.broker.depth('audit@1')).messages, 1);
  });

  promised('a commit by who lost the partition changes nothing', async (t, stage) => {
    const former = await stage.peer('former');
    const owner = await stage.peer('owner');
    const basket = await own(former);
    await former.send(FIRST, 'work');
    const claim = await basket.claim(0);
    await former.link.partitions.release(BANK, 0);
    await take(owner);
    const late = commitOf(claim, { state: bytesOf('late'), casts: [castOf('late')] });
    t.is(await commit(former, late), 'lost');
    t.is(await commit(owner, late), 'lost', 'it has not read it');
    await former.link.partitions.relayed(BANK, 0, Number.MAX_SAFE_INTEGER);
    const mine = commitOf(await (await read(owner)).claim(0), { state: bytesOf('10'), casts: [castOf('mine')] });
    t.is(await commit(owner, mine), 'settled');
    await former.link.partitions.relayed(BANK, 0, Number.MAX_SAFE_INTEGER);
    t.deepEqual([await stateOf(owner, 'ann'), await castsOf(owner)], [['10'], ['mine']]);
  });

  promised(
    'a commit of an evicted owner changes nothing, before and after another owns the partition',
    async (t, stage) => {
      const heir = await stage.peer('heir');
      const zombie = await stage.peer('zombie', LATE_BEAT);
      const basket = await own(zombie);
      await heir.send(FIRST, 'work');
      const claim = await basket.claim(0);
      const late = commitOf(claim, { state: bytesOf('late'), casts: [castOf('late')] });
      await inherit(heir);
      t.is(await commit(zombie, late), 'not-member');
      const heirs = await (await read(heir)).claim(0);
      t.is(await commit(heir, commitOf(heirs, { state: bytesOf('10') })), 'settled');
      await zombie.join();
      t.is(await commit(zombie, late), 'lost');
      t.deepEqual([await stateOf(heir, 'ann'), await castsOf(heir)], [['10'], []]);
    },
  );

  promised('a commit of what is gone, or is no envelope, changes nothing', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'gone');
    await peer.send(FIRST, 'here', { count: 2 });
    const [gone, here] = await basket.holds(2);
    await peer.done(gone!);
    t.is(await commit(peer, commitOf(gone!, { state: bytesOf('1') })), 'lost');
    t.is(await commit(peer, commitOf(here!, { index: 2, state: bytesOf('1') })), 'lost');
    t.is(await commit(peer, commitOf(here!, { index: 2, state: bytesOf('1'), answer: bytesOf('') })), 'lost');
    t.deepEqual(await stateOf(peer, 'ann'), [undefined]);
    t.is((await peer.link.broker.depth(FIRST)).messages, 2);
  });
}
