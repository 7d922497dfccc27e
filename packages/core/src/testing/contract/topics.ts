import type { Keep } from '../../contract/topic.ts';
import type { GroupBounds, PublishResult } from '../../ports/topics.ts';
import { groupMailbox } from '../../topics/names.ts';
import { waitFor } from '../wait-for.ts';
import { bytesOf } from './basket.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS, SLEEPY_BEAT, WIDE } from './times.ts';

const TOPIC = 'orders.created';
const ROOMY: GroupBounds = { messages: 1_000_000, bytes: 1_000_000_000, ms: 604_800_000 };

interface Telling {
  readonly topic?: string;
  readonly number: number;
  readonly count?: number;
  readonly keep?: Keep;
  readonly retention?: Partial<GroupBounds>;
}

function tell(peer: Peer, text: string, { topic = TOPIC, number, count = 1, ...how }: Telling): Promise<PublishResult> {
  return peer.link.topics.publish({
    ...{ topic, number, count, frame: bytesOf(text), keep: how.keep },
    retention: { ...ROOMY, ...how.retention },
  });
}

const box = (group: string, topic = TOPIC): string => groupMailbox(topic, group);

async function waiting(peer: Peer, group: string, topic = TOPIC): Promise<number> {
  return (await peer.link.broker.depth(box(group, topic))).messages;
}

/** Everything in a group's mailbox, oldest first. */
async function texts(peer: Peer, group: string, frames: number, topic = TOPIC): Promise<string[]> {
  const basket = await peer.consume(box(group, topic));
  await basket.holds(frames);
  await basket.reader?.close();
  return basket.texts();
}

async function filled(peer: Peer, group: string): Promise<void> {
  await waitFor(async () => (await peer.link.topics.fill(TOPIC, group)) === 'done', {
    withinMs: DEADLINE_MS,
    what: `${group} to be filled`,
  });
}

export function topics(promised: Promised): void {
  promised('what is published is copied to every group that is attached, and to nobody else', async (t, stage) => {
    const peer = await stage.peer('peer');
    t.is((await tell(peer, 'to nobody', { number: 1 })).kind, 'accepted');
    for (const group of ['mailer', 'search']) t.is(await peer.link.topics.attach(TOPIC, group), 'live');
    t.is(await peer.link.topics.attach(TOPIC, 'mailer'), 'live', 'attached already');
    t.is(await peer.link.topics.attach('orders.updated', 'mailer'), 'live');
    t.deepEqual(await tell(peer, 'one', { number: 2, count: 3 }), {
      ...{ kind: 'accepted', attached: [], hints: ['', ''], dropped: [] },
    });
    await tell(peer, 'two', { number: 3 });
    for (const group of ['mailer', 'search']) {
      t.is(await waiting(peer, group), 4);
      t.deepEqual(await texts(peer, group, 2), ['one', 'two']);
    }
    t.is(await waiting(peer, 'mailer', 'orders.updated'), 0);
    const listed = (await peer.link.topics.list()).map(({ topic, published, groups }) => ({
      topic,
      published,
      groups,
    }));
    const state = { filling: false, bytes: 6, dead: 0, messages: 4 };
    t.deepEqual(listed, [
      {
        ...{ topic: TOPIC, published: 5 },
        groups: ['mailer', 'search'].map((group) => ({ group, ...state })),
      },
      { topic: 'orders.updated', published: 0, groups: [{ ...state, group: 'mailer', messages: 0, bytes: 0 }] },
    ]);
  });

  promised('a number of a producer is published once', async (t, stage) => {
    const peer = await stage.peer('peer');
    await peer.link.topics.attach(TOPIC, 'mailer');
    for (let time = 0; time < 3; time += 1)
      t.is((await tell(peer, 'once', { number: 1, keep: { messages: 10 } })).kind, 'accepted');
    t.is(await waiting(peer, 'mailer'), 1);
    const [state] = await peer.link.topics.list();
    t.deepEqual([state?.published, state?.kept], [1, 1]);
    await tell(peer, 'a gap upwards', { number: 7 });
    t.is(await waiting(peer, 'mailer'), 2);
  });

  promised('who is no member publishes and attaches nothing', async (t, stage) => {
    const stranger = await stage.stranger('stranger');
    t.deepEqual(await tell(stranger, 'no', { number: 1 }), { kind: 'not-member' });
    t.is(await stranger.link.topics.attach(TOPIC, 'mailer'), 'not-member');
    t.is(await stranger.link.topics.fill(TOPIC, 'mailer'), 'not-member');
    const refused = await stranger.link.topics.drop(TOPIC, 'mailer').then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    t.is(refused, 'NOT_MEMBER');
    const peer = await stage.peer('peer');
    t.deepEqual(await peer.link.topics.list(), []);
  });

  promised('an entry of one group is settled, redelivered and buried without the others', async (t, stage) => {
    const peer = await stage.peer('peer');
    for (const group of ['mailer', 'search']) await peer.link.topics.attach(TOPIC, group);
    const [mailer, search] = [await peer.consume(box('mailer')), await peer.consume(box('search'))];
    await tell(peer, 'both', { number: 1, count: 2 });
    const claim = await mailer.claim(0);
    const at = peer.link.now();
    await peer.settle({ kind: 'retry', claim, moved: '10', todo: '01', at, deliveries: 1, history: '[]' });
    await peer.settle({ kind: 'bury', claim, moved: '01', reason: 'BAD', deliveries: 1, history: '[]' });
    const again = await mailer.claim(1);
    t.deepEqual([again.todo, again.deliveries], ['10', 1]);
    await peer.done(again, await search.claim(0));
    await peer.depth(box('mailer'), 'nothing left', ({ messages }) => messages === 0);
    t.is((await peer.link.broker.depth(box('mailer'))).dead, 1);
    t.deepEqual([await waiting(peer, 'search'), (await peer.link.broker.depth(box('search'))).dead], [0, 0]);
    t.is(search.claims.length, 1);
  });

  promised('what a dead node held of a group is taken up by another of that group', async (t, stage) => {
    const mortal = await stage.peer('mortal', SLEEPY_BEAT);
    const heir = await stage.peer('heir');
    for (const group of ['mailer', 'search']) await heir.link.topics.attach(TOPIC, group);
    const held = await mortal.consume(box('mailer'));
    await tell(heir, 'precious', { number: 1 });
    await held.holds(1);
    const basket = await heir.consume(box('mailer'));
    await mortal.link.close();
    await basket.holds(1);
    t.deepEqual([basket.texts(), basket.claims[0]?.crashes], [['precious'], 1]);
    t.deepEqual(await texts(heir, 'search', 1), ['precious']);
  });

  promised(
    'a served group that is full refuses what is published, by its name, and nothing is written',
    async (t, stage) => {
      const peer = await stage.peer('peer');
      for (const group of ['mailer', 'search']) await peer.link.topics.attach(TOPIC, group);
      const basket = await peer.consume(box('search'), { room: 0, limits: { maxLength: 5, maxBytes: 1_000 } });
      await tell(peer, 'four', { number: 1, count: 4 });
      const refused = await tell(peer, 'two', { number: 2, count: 2, retention: { messages: 2 } });
      t.deepEqual(refused, {
        ...{ kind: 'full', group: 'search', room: 1, messages: 4, bytes: 4, maxLength: 5, maxBytes: 1_000 },
        dropped: [{ topic: TOPIC, group: 'mailer', messages: 4, bytes: 4, dead: 0 }],
      });
      t.is(await waiting(peer, 'search'), 4);
      basket.makeRoom(10);
      await peer.done(await basket.claim(0));
      t.is((await tell(peer, 'two', { number: 2, count: 2 })).kind, 'accepted');
    },
  );

  promised('a group that nobody serves is dropped once more waits for it than is retained', async (t, stage) => {
    const peer = await stage.peer('peer');
    for (const group of ['forgotten', 'served']) await peer.link.topics.attach(TOPIC, group);
    await peer.consume(box('served'), { room: 0 });
    const retention = { messages: 3 };
    t.is((await tell(peer, 'three', { number: 1, count: 3, retention })).kind, 'accepted');
    const result = await tell(peer, 'one', { number: 2, retention });
    t.deepEqual(result, {
      ...{ kind: 'accepted', attached: [], hints: [''] },
      dropped: [{ topic: TOPIC, group: 'forgotten', messages: 3, bytes: 5, dead: 0 }],
    });
    t.deepEqual([await waiting(peer, 'forgotten'), await waiting(peer, 'served')], [0, 4]);
    const [state] = await peer.link.topics.list();
    t.deepEqual([state?.dropped, state?.groups.map(({ group }) => group)], [1, ['served']]);
    await tell(peer, 'bytes', { number: 3, retention: { bytes: 1 } });
    t.is((await peer.link.topics.list())[0]?.groups.length, 1, 'what is served is not dropped');
  });

  promised('a group that nobody serves is dropped when its oldest message is too old', async (t, stage) => {
    const peer = await stage.peer('peer');
    for (const group of ['forgotten', 'served', 'empty']) await peer.link.topics.attach(TOPIC, group);
    await peer.consume(box('served'), { room: 0 });
    const emptied = await peer.consume(box('empty'));
    await tell(peer, 'old', { number: 1, retention: { ms: 30 } });
    await peer.done(await emptied.claim(0));
    await emptied.reader?.close();
    const dropped = await waitFor(
      async () => {
        const lapsed = await peer.link.topics.lapse();
        return lapsed.dropped.length > 0 ? lapsed.dropped : undefined;
      },
      { withinMs: DEADLINE_MS, what: 'the forgotten group to be dropped' },
    );
    t.deepEqual(dropped, [{ topic: TOPIC, group: 'forgotten', messages: 1, bytes: 3, dead: 0 }]);
    t.deepEqual((await peer.link.topics.lapse()).dropped, []);
    t.deepEqual((await peer.link.topics.list())[0]?.groups.map(({ group }) => group).toSorted(), ['empty', 'served']);
  });

  promised('a group that is dropped leaves nothing, and what comes back later finds nobody', async (t, stage) => {
    const peer = await stage.peer('peer');
    await peer.link.topics.attach(TOPIC, 'mailer');
    const basket = await peer.consume(box('mailer'), { limits: WIDE });
    for (const number of [1, 2, 3]) await tell(peer, `${number}`, { number });
    await basket.holds(3);
    const [first, second] = basket.claims;
    const at = peer.link.now() + 300;
    await peer.settle(
      { kind: 'retry', claim: first!, moved: '1', at, deliveries: 1, history: '[]' },
      { kind: 'bury', claim: second!, moved: '1', reason: 'BAD', deliveries: 1, history: '[]' },
    );
    await basket.reader?.close();
    t.deepEqual(await peer.link.topics.drop(TOPIC, 'mailer'), {
      ...{ topic: TOPIC, group: 'mailer', messages: 2, bytes: 2, dead: 1 },
    });
    t.is(await peer.link.topics.drop(TOPIC, 'mailer'), undefined);
    await tell(peer, 'to nobody', { number: 4 });
    await waitFor(() => peer.link.now() > at + 250, { withinMs: DEADLINE_MS, what: 'what was due to have come' });
    const { dead, waiting: left, pending } = await peer.link.broker.depth(box('mailer'));
    t.deepEqual([dead, left, pending], [0, 0, 0]);
  });

  promised('a group that a pattern has attached has time to be served before it is forgotten', async (t, stage) => {
    const peer = await stage.peer('peer');
    await peer.link.topics.attachPattern('orders.*', 'audit');
    await peer.link.topics.attach(TOPIC, 'forgotten');
    const retention = { messages: 3, ms: 1 };
    const first = await tell(peer, 'five', { number: 1, count: 5, retention });
    t.deepEqual(first, {
      ...{ kind: 'accepted', attached: ['audit'], hints: [''] },
      dropped: [{ topic: TOPIC, group: 'forgotten', messages: 0, bytes: 0, dead: 0 }],
    });
    t.is((await tell(peer, 'one', { number: 2, retention })).kind, 'accepted');
    const before = peer.link.now();
    await waitFor(() => peer.link.now() > before + 5, { withinMs: DEADLINE_MS, what: 'time to pass' });
    t.deepEqual((await peer.link.topics.lapse()).dropped, []);
    t.is(await waiting(peer, 'audit'), 6);
    await tell(peer, 'known', { topic: 'orders.known', number: 1, retention });
    await peer.link.topics.attachPattern('orders.>', 'late');
    const known = await tell(peer, 'more', { topic: 'orders.known', number: 2, count: 5, retention });
    t.deepEqual(known.kind === 'accepted' && known.dropped, [], 'of a topic that was there as well');
    t.is(await waiting(peer, 'late', 'orders.known'), 5);
  });

  promised('what of a dropped group was to come back does not come to a new one of that name', async (t, stage) => {
    const peer = await stage.peer('peer');
    await peer.link.topics.attach(TOPIC, 'mailer');
    const before = await peer.consume(box('mailer'), { limits: WIDE });
    await tell(peer, 'old', { number: 1 });
    const claim = await before.claim(0);
    const at = peer.link.now() + 300;
    await peer.settle({ kind: 'retry', claim, moved: '1', at, deliveries: 1, history: '[]' });
    await before.reader?.close();
    await peer.link.topics.drop(TOPIC, 'mailer');
    t.is(await peer.link.topics.attach(TOPIC, 'mailer'), 'live');
    const after = await peer.consume(box('mailer'), { limits: WIDE });
    await waitFor(() => peer.link.now() > at + 250, { withinMs: DEADLINE_MS, what: 'what was due to have come' });
    await tell(peer, 'new', { number: 2 });
    const fresh = await after.claim(0);
    t.deepEqual(after.texts(), ['new']);
    const again = peer.link.now() + 50;
    await peer.settle({ kind: 'retry', claim: fresh, moved: '1', at: again, deliveries: 1, history: '[]' });
    await after.holds(2);
    t.deepEqual(after.texts(), ['new', 'new'], 'what is its own comes back');
  });

  promised(
    'who served a group before it was dropped does not attach it again; who begins to does',
    async (t, stage) => {
      const peer = await stage.peer('peer');
      const { topics, now } = { topics: peer.link.topics, now: () => peer.link.now() };
      const later = (than: number): Promise<unknown> =>
        waitFor(() => now() > than + 5, { withinMs: DEADLINE_MS, what: 'time to pass' });
      const since = now();
      await later(since);
      t.is(await topics.attach(TOPIC, 'mailer', undefined, since), 'live', 'it may be lost');
      t.deepEqual(await topics.attachPattern('orders.*', 'audit', since), [TOPIC]);
      await topics.drop(TOPIC, 'mailer');
      await topics.dropPattern('orders.*', 'audit');
      t.is(await topics.attach(TOPIC, 'mailer', undefined, since), 'absent');
      t.is(await topics.attachPattern('orders.*', 'audit', since), 'absent');
      t.deepEqual((await topics.list())[0]?.groups, []);
      await later(now());
      t.is(await topics.attach(TOPIC, 'mailer', undefined, now()), 'live', 'it was attached since');
      await topics.drop(TOPIC, 'mailer');
      t.is(await topics.attach(TOPIC, 'mailer'), 'live');
      t.deepEqual(await topics.attachPattern('orders.*', 'audit'), [TOPIC]);
      t.is(await topics.attach(TOPIC, 'mailer', undefined, since), 'live', 'it is a new one');
      t.deepEqual(await topics.attachPattern('orders.*', 'audit', since), [TOPIC]);
    },
  );

  promised('a new group is filled from the log, and nothing is missing or double at the seam', async (t, stage) => {
    const peer = await stage.peer('peer');
    const keep = { messages: 1_000 };
    await peer.link.topics.attach(TOPIC, 'old');
    for (let number = 1; number <= 70; number += 1) await tell(peer, `${number}`, { number, keep });
    t.is(await peer.link.topics.attach(TOPIC, 'late', 'oldest'), 'filling');
    t.is(await peer.link.topics.attach(TOPIC, 'late', 'oldest'), 'filling');
    t.is(await waiting(peer, 'late'), 0);
    t.is(await peer.link.topics.fill(TOPIC, 'late'), 'more');
    await tell(peer, '71', { number: 71 });
    const before = await waiting(peer, 'late');
    t.true(before > 0 && before < 70, 'while it is filled it is not published to');
    t.deepEqual((await peer.link.topics.lapse()).filling, [{ topic: TOPIC, group: 'late' }]);
    await filled(peer, 'late');
    t.is(await peer.link.topics.fill(TOPIC, 'late'), 'done');
    await tell(peer, '72', { number: 72, keep });
    const all = Array.from({ length: 72 }, (_, index) => `${index + 1}`);
    t.deepEqual(await texts(peer, 'late', 72), all);
    t.deepEqual(await texts(peer, 'old', 72), all, 'the others have lost nothing by it');
    t.is(await peer.link.topics.fill(TOPIC, 'nobody'), 'absent');
  });

  promised('a replay begins at a moment, of a new group and of one that is there', async (t, stage) => {
    const peer = await stage.peer('peer');
    const keep = { messages: 1_000 };
    await peer.link.topics.attach(TOPIC, 'mailer');
    await tell(peer, 'before', { number: 1, keep });
    const before = peer.link.now();
    await waitFor(() => peer.link.now() > before + 5, { withinMs: DEADLINE_MS, what: 'time to pass' });
    const moment = Math.ceil(peer.link.now());
    await waitFor(() => peer.link.now() > moment + 5, { withinMs: DEADLINE_MS, what: 'time to pass' });
    await tell(peer, 'after', { number: 2, keep });
    t.is(await peer.link.topics.attach(TOPIC, 'late', moment), 'filling');
    await filled(peer, 'late');
    t.deepEqual(await texts(peer, 'late', 1), ['after']);
    t.is(await peer.link.topics.attach(TOPIC, 'later', peer.link.now() + 60_000), 'live', 'nothing is to be filled in');
    t.is(await peer.link.topics.rewind(TOPIC, 'nobody', 'oldest'), 'absent');
    t.is(await peer.link.topics.rewind(TOPIC, 'mailer', moment), 'filling');
    await filled(peer, 'mailer');
    t.deepEqual(await texts(peer, 'mailer', 3), ['before', 'after', 'after'], 'what waits in it stays');
  });

  promised('the log keeps as much as it shall, and what a group is being filled from', async (t, stage) => {
    const peer = await stage.peer('peer');
    const kept = async (): Promise<number | undefined> => (await peer.link.topics.list())[0]?.kept;
    for (let number = 1; number <= 20; number += 1)
      await tell(peer, `${number}`, { number, count: 2, keep: { messages: 10 } });
    t.is(await kept(), 5);
    await peer.link.topics.attach(TOPIC, 'slow', 'oldest');
    for (let number = 21; number <= 30; number += 1)
      await tell(peer, `${number}`, { number, count: 2, keep: { messages: 10 } });
    t.is(await kept(), 15);
    await filled(peer, 'slow');
    t.deepEqual(
      await texts(peer, 'slow', 15),
      Array.from({ length: 15 }, (_, index) => `${index + 16}`),
    );
    for (let number = 31; number <= 50; number += 1)
      await tell(peer, `${number}`, { number, count: 2, keep: { messages: 10 } });
    t.is(await kept(), 5);
    await tell(peer, 'no log any more', { number: 51 });
    t.is(await kept(), 0);
    t.is(await peer.link.topics.attach(TOPIC, 'late', 'oldest'), 'live');
  });

  promised(
    'a group that is slow to be filled refuses what is published when that becomes too much',
    async (t, stage) => {
      const peer = await stage.peer('peer');
      const keep = { messages: 100 };
      for (let number = 1; number <= 8; number += 1) await tell(peer, `${number}`, { number, keep });
      const basket = await peer.consume(box('slow'), { room: 0, limits: { maxLength: 3, maxBytes: 1_000 } });
      await peer.link.topics.attach(TOPIC, 'slow', 'oldest');
      t.is(await peer.link.topics.fill(TOPIC, 'slow'), 'full');
      for (let number = 9; number <= 11; number += 1)
        t.is((await tell(peer, `${number}`, { number, keep })).kind, 'accepted');
      const refused = await tell(peer, '12', { number: 12, keep });
      t.deepEqual([refused.kind, refused.kind === 'full' && refused.group], ['full', 'slow']);
      basket.makeRoom(100);
      for (let done = 0; done < 11; done += 1) {
        await peer.done(await basket.claim(done));
        await peer.link.topics.fill(TOPIC, 'slow');
      }
      t.is((await tell(peer, '12', { number: 12, keep })).kind, 'accepted');
      await filled(peer, 'slow');
      await basket.holds(12);
      t.deepEqual(
        basket.texts(),
        Array.from({ length: 12 }, (_, index) => `${index + 1}`),
      );
    },
  );

  promised('a pattern attaches its group to topics that are there, and to those that come', async (t, stage) => {
    const peer = await stage.peer('peer');
    await tell(peer, 'x', { topic: 'orders.a', number: 1 });
    await tell(peer, 'x', { topic: 'orders', number: 1 });
    t.deepEqual(await peer.link.topics.attachPattern('orders.*', 'audit'), ['orders.a']);
    await peer.link.topics.attachPattern('>', 'all');
    const first = await tell(peer, 'first', { topic: 'orders.b', number: 1 });
    t.deepEqual(first.kind === 'accepted' && [...first.attached].toSorted(), ['all', 'audit']);
    await tell(peer, 'deep', { topic: 'orders.b.c', number: 1 });
    await tell(peer, 'second', { topic: 'orders.a', number: 2 });
    await tell(peer, 'second', { topic: 'orders', number: 2 });
    const counts = await Promise.all(
      ['orders', 'orders.a', 'orders.b', 'orders.b.c'].map(async (topic) => [
        await waiting(peer, 'audit', topic),
        await waiting(peer, 'all', topic),
      ]),
    );
    t.deepEqual(counts, [
      [0, 1],
      [1, 1],
      [1, 1],
      [0, 1],
    ]);
    await peer.link.topics.attach('orders.b', 'own');
    const gone = await peer.link.topics.dropPattern('orders.*', 'audit');
    t.deepEqual(gone.map(({ topic, messages }) => `${topic} ${messages}`).toSorted(), ['orders.a 1', 'orders.b 1']);
    t.deepEqual(await peer.link.topics.dropPattern('orders.*', 'audit'), []);
    const after = await tell(peer, 'after', { topic: 'orders.d', number: 1 });
    t.deepEqual(after.kind === 'accepted' && after.attached, ['all']);
  });

  promised('a topic has as many groups as it can', async (t, stage) => {
    const peer = await stage.peer('peer');
    const answers = new Set<string>();
    for (let group = 0; group < 129; group += 1) answers.add(await peer.link.topics.attach(TOPIC, `g${group}`));
    t.deepEqual([...answers], ['live', 'crowded']);
    t.is((await peer.link.topics.list())[0]?.groups.length, 128);
  });

  promised('there are as many patterns as there can be, and one that stands may be named again', async (t, stage) => {
    const { topics } = (await stage.peer('peer')).link;
    const answers: unknown[] = [];
    for (let group = 0; group < 1_025; group += 1) answers.push(await topics.attachPattern('a.*', `g${group}`));
    t.deepEqual([answers[1_023], answers[1_024]], [[], 'crowded']);
    t.deepEqual(await topics.attachPattern('a.*', 'g0'), []);
    await topics.dropPattern('a.*', 'g0');
    t.deepEqual(await topics.attachPattern('a.*', 'g1024'), []);
  });
}
