import { z } from 'zod';
import { topic } from '../../contract/topic.ts';
import type { ActorNode } from '../../node/node.ts';
import type { TopicContext } from '../../topics/context.ts';
import { gate, numbers, QUICK_BEAT, refusal, rejection, until, type NodeStage, type Promised } from './stage.ts';

const created = topic('orders.created', z.object({ id: z.number() }));
const kept = topic('orders.kept', z.object({ id: z.number() }), { keep: { messages: 10_000 } });
const status = topic('coordination', z.object({ unit: z.string() }));

/** Ids in the order in which they came. */
function ids(): { readonly got: number[]; readonly take: (payload: { id: number }) => void } {
  const got: number[] = [];
  return { got, take: ({ id }) => void got.push(id) };
}

function publishAll(node: ActorNode, from: number, to: number, to_ = created): Promise<unknown> {
  return Promise.all(numbers(to - from).map((n) => node.publish(to_, { id: from + n })));
}

const ascending = (got: readonly number[]): number[] => got.toSorted((a, b) => a - b);

async function trio(stage: NodeStage): Promise<readonly [ActorNode, ActorNode, ActorNode]> {
  const nodes = await Promise.all(['one', 'two', 'three'].map((name) => stage.node(name)));
  for (const node of nodes) await until('all to see all', () => node.registry.nodes().length === 3);
  return nodes as unknown as readonly [ActorNode, ActorNode, ActorNode];
}

export function topics(promised: Promised): void {
  promised('a broadcast reaches three nodes once each, the one that sends it included (S3-13)', async (t, stage) => {
    const nodes = await trio(stage);
    const heard: string[] = [];
    for (const node of nodes)
      await node.subscribe(
        status,
        ({ unit }, ctx) => heard.push(`${node.name} ${unit} ${ctx.publisher === nodes[0].id}`),
        {
          everyNode: true,
        },
      );
    await nodes[0].broadcast(status, { unit: 'a' });
    await nodes[0].broadcast(status, { unit: 'b' }, { headers: { why: 'again' } });
    await until('all to hear both', () => heard.length >= 6);
    t.deepEqual(
      heard.toSorted(),
      ['one', 'three', 'two'].flatMap((name) => [`${name} a true`, `${name} b true`]),
    );
    t.is((await nodes[1].topics.list()).length, 0, 'nothing is kept for anybody');
    t.is(nodes[2].topics.stats().heard, 2);
  });

  promised('of a group one node handles a message, each group has a copy of all (S3-13)', async (t, stage) => {
    const [publisher, two, three] = await trio(stage);
    const [mailer, search] = [ids(), ids()];
    const contexts: TopicContext[] = [];
    for (const node of [two, three]) await node.subscribe(created, mailer.take, { group: 'mailer' });
    await three.subscribe(
      created,
      (payload, ctx) => {
        contexts.push(ctx);
        search.take(payload);
      },
      { group: 'search' },
    );
    await publishAll(publisher, 0, 200);
    await until('both groups to have all', () => mailer.got.length >= 200 && search.got.length >= 200);
    for (const { got } of [mailer, search]) t.deepEqual(ascending(got), numbers(200));
    const [first] = contexts;
    t.deepEqual(
      [first?.topic, first?.group, first?.publisher, first?.attempt],
      ['orders.created', 'search', publisher.id, 1],
    );
    t.is(new Set(contexts.map(({ messageId }) => messageId)).size, 200);
  });

  promised('a group that was down gets what it missed (S3-13)', async (t, stage) => {
    const publisher = await stage.node('publisher');
    const subscriber = await stage.node('mailer');
    const before = ids();
    await subscriber.subscribe(created, before.take);
    await publishAll(publisher, 0, 5);
    await until('the first', () => before.got.length === 5);
    await subscriber.close();
    await publishAll(publisher, 5, 40);
    t.is((await publisher.depth(created, 'mailer')).messages, 35);
    const after = ids();
    await (await stage.node('mailer')).subscribe(created, after.take);
    await until('what it missed', () => after.got.length >= 35);
    t.deepEqual(
      ascending(after.got),
      numbers(35).map((n) => n + 5),
    );
  });

  promised('a publisher and two subscribers on three nodes: each gets the object once (S3-40)', async (t, stage) => {
    const events = topic('events', z.object({ user: z.string(), at: z.object({ day: z.number() }) }));
    const [publisher, two, three] = await trio(stage);
    const got: unknown[] = [];
    for (const node of [two, three]) await node.subscribe(events, (payload) => got.push(payload));
    await publisher.publish(events, { user: 'ada', at: { day: 1 } });
    await until('both to have it', () => got.length >= 2);
    await publisher.publish(events, { user: 'bob', at: { day: 2 } });
    await until('both to have both', () => got.length >= 4);
    const both = [
      { user: 'ada', at: { day: 1 } },
      { user: 'bob', at: { day: 2 } },
    ];
    t.deepEqual(got, [both[0], both[0], both[1], both[1]]);
  });

  promised('a pattern gets what matches, of topics to come as well, and nothing else (S3-40)', async (t, stage) => {
    const [publisher, two, three] = await trio(stage);
    const got: string[] = [];
    const deep: string[] = [];
    const known = topic('events.known', z.string());
    await publisher.publish(known, 'before anybody asked');
    await two.subscribe('events.*', (payload, ctx) => got.push(`${ctx.topic} ${String(payload)}`), { group: 'audit' });
    await three.subscribe('events.>', (payload: string, ctx) => deep.push(`${ctx.topic} ${payload}`), {
      group: 'deep',
      schema: z.string(),
    });
    for (const name of ['event', 'events', 'events.user', 'events.user.created'])
      await publisher.publish(topic(name, z.string()), 'hi');
    await publisher.publish(known, 'hi');
    await until('all that match', () => got.length >= 2 && deep.length >= 3);
    await publisher.publish(topic('events.user', z.string()), 'again');
    await until('the last', () => got.length >= 3 && deep.length >= 4);
    t.deepEqual(got.toSorted(), ['events.known hi', 'events.user again', 'events.user hi']);
    t.deepEqual(deep.toSorted(), ['events.known hi', 'events.user again', 'events.user hi', 'events.user.created hi']);
  });

  promised('an ended subscription gets nothing more, its group does (S3-40)', async (t, stage) => {
    const [publisher, two, three] = await trio(stage);
    const [left, stays, pattern, everywhere] = [ids(), ids(), ids(), ids()];
    const subscriptions = [
      await two.subscribe(created, left.take, { group: 'mailer' }),
      await two.subscribe('orders.*', (payload) => pattern.take(payload as { id: number }), { group: 'audit' }),
      await two.subscribe(created, everywhere.take, { everyNode: true }),
    ];
    await three.subscribe(created, stays.take, { group: 'search' });
    await publisher.publish(created, { id: 0 });
    await publisher.broadcast(created, { id: 0 });
    const all = (): boolean => [left, stays, pattern, everywhere].every(({ got }) => got.length === 1);
    await until('all to have it', all);
    for (const subscription of subscriptions) await subscription.close();
    await subscriptions[0]!.close();
    await publishAll(publisher, 1, 20);
    await publisher.broadcast(created, { id: 1 });
    await until('the other group to have all', () => stays.got.length === 20);
    t.deepEqual([left.got, pattern.got, everywhere.got], [[0], [0], [0]]);
    t.is((await publisher.depth(created, 'mailer')).messages, 19, 'the group is there still');
    await three.subscribe(created, left.take, { group: 'mailer' });
    await until('it to have the rest', () => left.got.length === 20);
    await (await two.subscribe(created, () => undefined, { group: 'other' })).close();
  });

  promised('a group that is dropped is gone for good, on every node that serves it', async (t, stage) => {
    const [publisher, two, three] = await trio(stage);
    const { got, take } = ids();
    const told: string[] = [];
    for (const node of [two, three]) {
      node.on('groupDropped', ({ topic: name, group, reason }) => told.push(`${node.name} ${name} ${group} ${reason}`));
      await node.subscribe(created, take, { group: 'mailer' });
    }
    await two.subscribe('orders.>', (payload) => take(payload as { id: number }), { group: 'audit' });
    await publisher.publish(created, { id: 0 });
    await until('both groups to have it', () => got.length === 2);
    await until('nothing to wait', async () => (await publisher.depth(created, 'mailer')).messages === 0);
    t.deepEqual(
      (await publisher.topics.drop(created, 'mailer')).map(({ group, messages }) => [group, messages]),
      [['mailer', 0]],
    );
    await publisher.topics.drop('orders.>', 'audit');
    const serving = (): number => publisher.registry.instances('topic.orders.created', { status: 'any' }).length;
    await until('all to have heard of it', () => told.length >= 4 && serving() === 0);
    t.deepEqual(
      told.toSorted(),
      ['three', 'two'].flatMap((name) => [`${name} orders.created audit hand`, `${name} orders.created mailer hand`]),
    );
    await publisher.publish(created, { id: 1 });
    t.deepEqual(
      (await publisher.topics.list()).map(({ groups }) => groups.length),
      [0],
    );
    t.deepEqual(await publisher.topics.drop(created, 'mailer'), []);
    await two.subscribe(created, take, { group: 'mailer' });
    await publisher.publish(created, { id: 2 });
    await until('a group of that name anew', () => got.length === 3);
    t.deepEqual(got, [0, 0, 2]);
  });

  promised(
    'a new group is replayed to from a point, and misses nothing of what is published meanwhile',
    async (t, stage) => {
      const publisher = await stage.node('publisher');
      const subscriber = await stage.node('subscriber');
      await publishAll(publisher, 0, 300, kept);
      const moment = new Date(Math.ceil(publisher.now()) + 1);
      await until('time to pass', () => publisher.now() > moment.getTime() + 5);
      const publishing = publishAll(publisher, 300, 600, kept);
      const [all, some, fresh] = [ids(), ids(), ids()];
      await subscriber.subscribe(kept, all.take, { group: 'all', from: 'oldest' });
      await publishing;
      await subscriber.subscribe(kept, some.take, { group: 'some', from: moment });
      await subscriber.subscribe(kept, fresh.take, { group: 'fresh' });
      await publishAll(publisher, 600, 700, kept);
      await until('all of it', () => all.got.length >= 700 && some.got.length >= 400 && fresh.got.length >= 100);
      t.deepEqual(ascending(all.got), numbers(700));
      t.deepEqual(
        ascending(some.got),
        numbers(400).map((n) => n + 300),
      );
      t.deepEqual(
        ascending(fresh.got),
        numbers(100).map((n) => n + 600),
      );
      await publisher.topics.replay(kept, 'fresh', 'oldest');
      await until('it all again', () => fresh.got.length >= 800);
      t.deepEqual(fresh.got.slice(100).length, 700);
      t.deepEqual(ascending(fresh.got.slice(100)), numbers(700));
    },
  );

  promised('a forgotten group is dropped, with an alert and a count; one that is served is not', async (t, stage) => {
    const small = topic('small', z.object({ id: z.number() }), { retention: { messages: 20 } });
    const publisher = await stage.node('publisher');
    const subscriber = await stage.node('subscriber');
    const told: string[] = [];
    subscriber.on('groupDropped', ({ group, reason, messages }) => told.push(`${group} ${reason} ${messages}`));
    const { opened, open } = gate();
    await subscriber.subscribe(small, () => opened, { group: 'slow', concurrency: 1 });
    await (await subscriber.subscribe(small, () => undefined, { group: 'forgotten' })).close();
    for (let n = 0; n < 30; n += 1) await publisher.publish(small, { id: n });
    await until('the others to be told', () => told.length > 0);
    t.deepEqual(told, ['forgotten retention 20']);
    t.deepEqual(publisher.topics.stats(), { heard: 0, missed: 0, droppedGroups: 1, droppedMessages: 20 });
    const [state] = await publisher.topics.list();
    t.deepEqual([state?.dropped, state?.groups.map(({ group }) => group)], [1, ['slow']]);
    await until('the alert', async () => (await publisher.alerts.list({ kind: 'topic-group-dropped' })).length === 1);
    const [alert] = await publisher.alerts.list({ kind: 'topic-group-dropped' });
    t.deepEqual([alert?.severity, alert?.source.service, alert?.metrics?.['messages']], ['high', 'topic.small', 20]);
    open();
    await until('the slow one to have all', async () => (await publisher.depth(small, 'slow')).messages === 0);
  });

  promised('a served group that is full refuses what is published, and nothing is lost', async (t, stage) => {
    const publisher = await stage.node('publisher');
    const subscriber = await stage.node('subscriber');
    const { opened, open } = gate();
    const [slow, quick] = [ids(), ids()];
    await subscriber.subscribe(
      created,
      async (payload) => {
        await opened;
        slow.take(payload);
      },
      { group: 'slow', maxLength: 10 },
    );
    await subscriber.subscribe(created, quick.take, { group: 'quick' });
    const ends = await Promise.allSettled(numbers(30).map((id) => publisher.publish(created, { id })));
    const accepted = numbers(30).filter((n) => ends[n]?.status === 'fulfilled');
    t.is(accepted.length, 10);
    const refused = await rejection(publisher.publish(created, { id: 99 }));
    t.deepEqual([refused.code, refused.outcome, refused.retryable], ['MAILBOX_FULL', 'not-executed', true]);
    t.true(refused.message.includes('topic.orders.created@slow'));
    open();
    await until('both to have what was accepted', () => slow.got.length === 10 && quick.got.length === 10);
    t.deepEqual([ascending(slow.got), ascending(quick.got)], [accepted, accepted]);
    await publisher.publish(created, { id: 100 });
  });

  promised('what fails in one group comes back to it and dies in it, and touches no other', async (t, stage) => {
    const publisher = await stage.node('publisher');
    const subscriber = await stage.node('subscriber');
    const attempts: number[] = [];
    const { got, take } = ids();
    await subscriber.subscribe(
      created,
      (_payload, ctx) => {
        attempts.push(ctx.attempt);
        throw new Error('not today');
      },
      { group: 'ill', redelivery: { deliveries: 3, delayMs: 1 } },
    );
    await subscriber.subscribe(created, take, { group: 'well' });
    await publisher.publish(created, { id: 7 }, { key: 'k', headers: { trace: 'x' } });
    const letters = publisher.deadLetters(created, 'ill');
    await until('it to die', async () => (await letters.list()).length === 1);
    const [letter] = await letters.list();
    t.deepEqual(attempts, [1, 2, 3]);
    t.deepEqual([letter?.input, letter?.key, letter?.headers], [{ id: 7 }, 'k', { trace: 'x' }]);
    t.deepEqual([got, await publisher.deadLetters(created, 'well').list()], [[7], []]);
    t.true(await letters.replay(letter!.id));
    await until('it to be tried again', () => attempts.length === 6);
    t.deepEqual(got, [7]);
  });

  promised('what does not fit the schema is not published, and defaults are the subscriber’s', async (t, stage) => {
    const shaped = topic('shaped', z.object({ id: z.number().positive(), tag: z.string().default('none') }));
    const node = await stage.node('node');
    const got: unknown[] = [];
    await node.subscribe(shaped, (payload) => got.push(payload));
    t.is((await rejection(node.publish(shaped, { id: -1 }))).code, 'VALIDATION');
    t.is((await rejection(node.broadcast(shaped, { id: -1 }))).code, 'VALIDATION');
    await node.publish(shaped, { id: 1 });
    await until('it to come', () => got.length === 1);
    t.deepEqual(got, [{ id: 1, tag: 'none' }]);
  });

  promised('a group outlives the death of the node that handles it, and loses nothing', async (t, stage) => {
    const publisher = await stage.node('publisher', { beat: QUICK_BEAT });
    const { node: mortal, die } = await stage.mortal('mortal');
    const started: number[] = [];
    await mortal.subscribe(
      created,
      async ({ id }) => {
        started.push(id);
        await new Promise(() => undefined);
      },
      { group: 'mailer' },
    );
    const other = ids();
    await publisher.subscribe(created, other.take, { group: 'other' });
    await publishAll(publisher, 0, 50);
    await until('it to have begun', () => started.length > 0);
    await die();
    const heir = await stage.node('heir', { beat: QUICK_BEAT });
    const { got, take } = ids();
    await heir.subscribe(created, take, { group: 'mailer' });
    await until('the heir to have all', () => got.length >= 50);
    t.deepEqual([ascending(got), ascending(other.got)], [numbers(50), numbers(50)]);
  });

  promised('a wrong use of topics is a mistake of the caller, and says which', async (t, stage) => {
    const node = await stage.node('node');
    const fn = (): void => undefined;
    await node.subscribe(created, fn, { group: 'mailer' });
    const both: object = { everyNode: true, group: 'x' };
    const wrong: readonly (readonly [() => unknown, string])[] = [
      [() => node.subscribe(created, fn, { group: 'mailer' }), 'already'],
      [() => node.subscribe(created, fn, { group: 'No Group' }), 'group'],
      [() => node.subscribe(created, fn, { from: 'oldest' }), 'keep'],
      [() => node.subscribe(created, fn, { concurrency: 0 }), 'concurrency'],
      [() => node.subscribe(created, fn, both), 'group'],
      [() => node.subscribe(created, fn, { keyed: {} } as never), 'options.keyed: a group has no order by key'],
      [() => node.subscribe('orders.*', fn, { onPain: fn } as never), 'options.onPain'],
      [() => node.subscribe({ name: 'orders' } as never, fn), 'subscribe: it takes what topic('],
      [() => node.subscribe(created, undefined as never), 'function'],
      [() => node.subscribe('orders.', fn), 'pattern'],
      [() => node.subscribe('orders.>', fn, { from: 'oldest' }), 'from'],
      [() => node.publish(created, { id: 1 }, { timeoutMs: 0 }), 'timeoutMs'],
      [() => node.publish(created, { id: 1 }, { delayMs: 1 } as never), 'delayMs'],
      [() => node.publish('orders.created' as never, { id: 1 }), 'publish: it takes what topic('],
      [() => node.broadcast(undefined as never, {}), 'broadcast: it takes what topic('],
      [() => node.topics.replay('orders.created' as never, 'mailer', 'oldest'), 'replay: it takes what topic('],
      [() => node.depth(created, undefined as never), 'depth orders.created: each group'],
      [() => node.depth(created, 'No Group'), 'No Group'],
      [() => node.deadLetters('orders.created' as never, 'mailer'), 'deadLetters: it takes a contract, or a topic'],
      [() => node.topics.replay(created, 'mailer', 'oldest'), 'keep'],
      [() => node.topics.replay(kept, 'nobody', 'oldest'), 'nobody'],
      [() => node.topics.drop('Orders', 'mailer'), 'neither'],
      [() => topic('Orders', z.any()), 'Orders'],
      [() => topic('orders', undefined as never), 'schema'],
      [() => topic('orders', z.any(), { keep: {} }), 'keep'],
    ];
    for (const [act, word] of wrong) {
      const error = await refusal(act);
      t.is(error.code, 'CONFIG', `${word}: ${error.message}`);
      t.true(error.message.includes(word), error.message);
    }
  });
}
