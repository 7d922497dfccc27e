import { parseReport } from '../../ports/report.ts';
import type { NewsItem } from '../../ports/membership.ts';
import { waitFor } from '../wait-for.ts';
import { served, type Peer } from './peer.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS, SHORT_BEAT } from './times.ts';

export function news(promised: Promised): void {
  promised(
    'who joins, changes and leaves is news, in order, and can be found by whoever hears of it (S2-16)',
    async (t, stage) => {
      const watcher = await stage.peer('watcher');
      const node = await stage.stranger('node');
      node.serves = { 'users@1': ['get'] };
      await node.join();
      const joined = await watcher.hears('joined', node.id);
      t.deepEqual(parseReport(joined.body)?.serves, { 'users@1': served(['get']) });
      t.deepEqual(
        (await watcher.link.membership.serving('users')).map((member) => member.id),
        [node.id],
      );
      node.serves = { 'mail@1': ['send'] };
      await node.link.membership.announce();
      const changed = await watcher.hears('changed', node.id);
      t.deepEqual(parseReport(changed.body)?.serves, { 'mail@1': served(['send']) });
      await node.link.membership.leave();
      const left = await watcher.hears('left', node.id);
      t.is(left.body, undefined);
      t.deepEqual(
        told(watcher.news, node.id).map((item) => item.kind),
        ['joined', 'changed', 'left'],
      );
      t.deepEqual(
        told(watcher.news).map((item) => item.seq),
        told(watcher.news).map((_item, index) => (watcher.news[0]?.seq ?? 0) + index),
        'each has the next number',
      );
    },
  );

  promised('of a node that dies among five everybody hears once that it expired (S2-26)', async (t, stage) => {
    const peers: Peer[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'mortal']) peers.push(await stage.peer(name));
    const mortal = peers.pop() as Peer;
    await mortal.die();
    for (const peer of peers) await peer.hears('expired', mortal.id);
    await mark(peers[0] as Peer);
    for (const peer of peers) {
      await peer.hears('marks', 'here');
      t.deepEqual(
        told(peer.news, mortal.id).filter(({ kind }) => kind === 'expired' || kind === 'left').length,
        1,
        peer.name,
      );
    }
  });

  promised('an announcement of nothing new, and beats, are no news', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await a.link.membership.announce();
    await a.link.membership.announce();
    const beats = a.beats.length;
    await waitFor(() => a.beats.length >= beats + 3, { withinMs: DEADLINE_MS, what: 'a few beats' });
    await mark(a);
    await b.hears('marks', 'here');
    t.deepEqual(
      told(b.news, a.id).filter(({ kind }) => kind === 'changed'),
      [],
    );
  });

  promised('a report that changes without a word is news with the next beat', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    a.serves = { 'later@1': ['work'] };
    const changed = await b.hears('changed', a.id);
    t.deepEqual(parseReport(changed.body)?.serves, { 'later@1': served(['work']) });
  });

  promised('members() says which news it contains, and the beats which there are', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const joined = await a.hears('joined', b.id);
    const { seq } = await a.link.membership.members();
    t.true(seq >= joined.seq);
    await mark(b);
    const marked = await a.hears('marks', 'here');
    t.true(marked.seq > seq);
    await waitFor(() => (a.beats.at(-1) ?? 0) >= marked.seq, {
      withinMs: DEADLINE_MS,
      what: 'a beat that knows of it',
    });
    t.is(a.beats.at(-1), (await b.link.membership.members()).seq);
  });

  promised('what was before a node joined is no news for it', async (t, stage) => {
    const early = await stage.peer('early', { ...SHORT_BEAT, ttlMs: 60_000 });
    await mark(early, 'before');
    const late = await stage.peer('late');
    await mark(early, 'after');
    await late.hears('marks', 'after');
    t.deepEqual(told(late.news, 'before'), []);
  });

  promised('a node that joins again hears on', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await b.link.membership.leave();
    await b.join();
    await mark(a, 'again');
    const { body } = await b.hears('marks', 'again');
    t.is((body as { readonly by: string }).by, a.id);
  });
}

/** Each item once, in order; of one id. */
function told(items: readonly NewsItem[], id?: string): readonly NewsItem[] {
  const bySeq = new Map(items.map((item) => [item.seq, item]));
  return [...bySeq.values()].filter((item) => id === undefined || item.id === id);
}

async function mark(peer: Peer, name = 'here'): Promise<void> {
  await peer.link.records.change({ family: 'marks', name, body: true, by: peer.id });
}
