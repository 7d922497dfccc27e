import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { z } from 'zod';
import { actor } from '../src/contract/actor.ts';
import type { Backend, Link } from '../src/backend.ts';
import { memory } from '../src/backends/memory.ts';
import { contract } from '../src/contract/contract.ts';
import { TransportError, type HomeostatError } from '../src/ground/errors.ts';
import { sleep } from '../src/ground/loop.ts';
import type { MembershipEvents } from '../src/ports/membership.ts';
import { createNode } from '../src/node/create-node.ts';
import type { ActorNode } from '../src/node/node.ts';
import { waitFor } from '../src/testing/wait-for.ts';

const work = contract('work', {
  methods: { ask: { input: z.number(), output: z.number() }, tell: { input: z.number() }, hold: {} },
});

/** A memory backend whose one node is evicted by hand, and whose joining can fail or take its time. */
class Strict implements Backend {
  readonly name = 'strict';
  events: MembershipEvents | undefined;
  joins = 0;
  consumes = 0;
  leaves = 0;
  failures = 0;
  consumeFailures = 0;
  /** Reading who is there waits for it. */
  readings: Promise<unknown> = Promise.resolve();
  /** Joining waits for it. */
  door: Promise<unknown> = Promise.resolve();
  onJoined: () => void = () => undefined;
  readonly #inner = memory();

  async connect(identity: Parameters<Backend['connect']>[0]): Promise<Link> {
    const link = await this.#inner.connect(identity);
    const { broker, membership } = link;
    return {
      now: () => link.now(),
      health: () => link.health(),
      ready: (signal) => link.ready(signal),
      ping: () => link.ping(),
      close: () => link.close(),
      records: link.records,
      breakers: link.breakers,
      cache: link.cache,
      partitions: link.partitions,
      permits: link.permits,
      limits: link.limits,
      state: link.state,
      once: link.once,
      topics: link.topics,
      alerts: link.alerts,
      membership: {
        join: async (report, events) => {
          this.joins += 1;
          await this.door;
          if (this.failures > 0) {
            this.failures -= 1;
            throw new TransportError('away', { outcome: 'not-executed' });
          }
          this.events = events;
          const id = await membership.join(report, events);
          queueMicrotask(() => queueMicrotask(() => this.onJoined()));
          return id;
        },
        announce: () => membership.announce(),
        members: async () => {
          await this.readings;
          return membership.members();
        },
        serving: (service) => membership.serving(service),
        vitals: (ids) => membership.vitals(ids),
        leave: () => {
          this.leaves += 1;
          return membership.leave();
        },
      },
      broker: {
        append: (request) => broker.append(request),
        appendAll: (request) => broker.appendAll(request),
        turn: (mailbox, signal) => broker.turn(mailbox, signal),
        reply: (inbox, frame) => broker.reply(inbox, frame),
        consume: (mailbox, limits, intake) => {
          this.consumes += 1;
          return broker.consume(mailbox, limits, intake);
        },
        settle: (batch) => broker.settle(batch),
        hint: async (mailbox, hints) => {
          if (this.consumeFailures > 0) {
            this.consumeFailures -= 1;
            throw new TransportError('away');
          }
          await broker.hint(mailbox, hints);
        },
        depth: (mailbox) => broker.depth(mailbox),
        dead: (mailbox, page) => broker.dead(mailbox, page),
        replay: (mailbox, id, moved) => broker.replay(mailbox, id, moved),
        drop: (mailbox, id, moved) => broker.drop(mailbox, id, moved),
      },
    };
  }
}

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 5_000, what });
const isMember = async (node: ActorNode): Promise<boolean> => (await node.link()).member;

async function served(t: ExecutionContext): Promise<{
  backend: Strict;
  node: ActorNode;
  held: { readonly reasons: string[]; count: number };
  told: readonly number[];
}> {
  const backend = new Strict();
  const node = await createNode({ backend, name: 'strict', log: pino({ level: 'silent' }), signals: false });
  t.teardown(() => node.close({ drainMs: 20 }));
  const held = { reasons: [] as string[], count: 0 };
  const told: number[] = [];
  await node.serve(
    actor(work, {
      ask: (n) => n,
      tell: (n) => {
        told.push(n);
      },
      hold: (_input, ctx) => {
        held.count += 1;
        return new Promise<void>((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => {
            held.reasons.push((ctx.signal.reason as HomeostatError).code);
            reject(ctx.signal.reason as Error);
          });
        });
      },
    }),
  );
  return { backend, node, held, told };
}

test('an evicted node joins once, however often it is told, and keeps its reader', async (t) => {
  const { backend, node } = await served(t);
  const before = node.id;
  backend.events?.evicted('test');
  backend.events?.evicted('test');
  t.false(await isMember(node));
  await until('it to be a member again', () => isMember(node));
  t.not(node.id, before);
  t.is(backend.joins, 2);
  t.is(backend.consumes, 1);
  t.is(await node.client(work).ask(1), 1);
});

test('joining again is tried until it succeeds', async (t) => {
  const { backend, node } = await served(t);
  backend.failures = 3;
  backend.events?.evicted('test');
  const asked = node.client(work, { timeoutMs: 10_000 }).ask(1);
  await until('it to be a member again', () => isMember(node));
  t.is(backend.joins, 5);
  t.is(await asked, 1, 'what was sent meanwhile has left under the new id');
});

test('what leaves while a node that has joined again still reads who is there is not taken for a repeat', async (t) => {
  const { backend, node, told } = await served(t);
  const api = node.client(work);
  for (let n = 0; n < 5; n += 1) await api.tell.cast(n);
  let read = (): void => {};
  backend.readings = new Promise<void>((resolve) => (read = resolve));
  backend.events?.evicted('test');
  await until('it to be a member again', () => isMember(node));
  await api.tell.cast(5);
  read();
  for (let n = 6; n < 10; n += 1) await api.tell.cast(n);
  await until('all to be handled', () => told.length === 10);
  t.deepEqual(told, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a join after which not all could be set up is not kept', async (t) => {
  const { backend, node } = await served(t);
  backend.consumeFailures = 1;
  backend.events?.evicted('test');
  await until('a second try', () => backend.joins === 3);
  await until('it to be a member again', () => isMember(node));
  t.is(await node.client(work).ask(1), 1);
});

test('a node that is evicted while it joins again joins once more', async (t) => {
  const { backend, node } = await served(t);
  let again = true;
  backend.onJoined = () => {
    if (again) backend.events?.evicted('again');
    again = false;
  };
  backend.events?.evicted('test');
  await until('a second try', () => backend.joins >= 3);
  await until('it to be a member again', () => isMember(node));
  t.is(backend.joins, 3);
  t.is(await node.client(work).ask(1), 1);
});

test('a node that closes while it joins again leaves when it has joined', async (t) => {
  const { backend, node } = await served(t);
  let open = (): void => undefined;
  backend.door = new Promise<void>((resolve) => {
    open = resolve;
  });
  backend.events?.evicted('test');
  await until('the second join', () => backend.joins === 2);
  const closed = node.close({ drainMs: 50 });
  await sleep(20);
  open();
  await closed;
  t.is(backend.leaves, 1);
  t.is(backend.joins, 2);
});

test('a node that closes while it cannot join again closes all the same', async (t) => {
  const { backend, node } = await served(t);
  backend.failures = Infinity;
  backend.events?.evicted('test');
  const startedAt = performance.now();
  await node.close({ drainMs: 50 });
  t.true(performance.now() - startedAt < 3_000);
});

test('an eviction during the drain ends it: what runs is aborted and nothing of it is settled', async (t) => {
  const { backend, node, held } = await served(t);
  const call = t.throwsAsync(node.client(work).hold());
  await until('it to run', () => held.count === 1);
  const startedAt = performance.now();
  const closed = node.close({ drainMs: 30_000 });
  await sleep(20);
  backend.events?.evicted('test');
  await closed;
  t.true(performance.now() - startedAt < 5_000);
  t.deepEqual(held.reasons, ['NOT_MEMBER']);
  t.is(backend.joins, 1, 'it does not join again');
  await call;
});

test('a node that cannot join is not made', async (t) => {
  const backend = new Strict();
  backend.failures = 1;
  await t.throwsAsync(createNode({ backend, log: pino({ level: 'silent' }), signals: false }), {
    instanceOf: TransportError,
  });
});

test('an actor whose mailbox cannot be set up is not served, and can be served later', async (t) => {
  const backend = new Strict();
  const node = await createNode({ backend, log: pino({ level: 'silent' }), signals: false });
  t.teardown(() => node.close());
  const actorOfWork = actor(work, { ask: (n) => n, tell: () => undefined, hold: () => undefined });
  backend.consumeFailures = 1;
  await t.throwsAsync(node.serve(actorOfWork), { instanceOf: TransportError });
  await node.serve(actorOfWork);
  t.is(await node.client(work).ask(3), 3);
});
