import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { BackendFull, TransportError } from '../../ground/errors.ts';
import type { ActorNode } from '../../node/node.ts';
import { altered, changed } from '../altered.ts';
import { faulty } from '../faulty.ts';
import { gate, numbers, refusal, rejection, until, type Promised } from './stage.ts';

const Account = z.object({ balance: z.number(), seen: z.array(z.string()).default([]) });
const methods = {
  deposit: { input: z.number(), output: z.number() },
  note: { input: z.number() },
  balance: { output: z.number() },
  close: {},
} as const;
const bank = contract('bank', { state: Account, methods });
const book = contract('book', { methods: { entry: { input: z.object({ id: z.string(), n: z.number() }) } } });

interface Hooks {
  /** Called when a deposit has set the state and made its cast. */
  readonly deposited?: ((attempt: number, n: number) => void) | undefined;
  readonly casts?: boolean;
}

function bankActor({ deposited, casts = false }: Hooks = {}): Actor<typeof methods, typeof Account> {
  return actor(
    bank,
    {
      deposit: async (n, ctx) => {
        const { balance, seen } = ctx.state.get() ?? { balance: 0, seen: [] };
        ctx.state.set({ balance: balance + n, seen: [...seen, ctx.messageId] });
        if (casts) await ctx.client(book).entry.cast({ id: ctx.messageId, n });
        deposited?.(ctx.attempt, n);
        return balance + n;
      },
      note: async (n, ctx) => {
        const { balance, seen } = ctx.state.get() ?? { balance: 0, seen: [] };
        ctx.state.set({ balance: balance + n, seen: [...seen, ctx.messageId] });
        if (casts) await ctx.client(book).entry.cast({ id: ctx.messageId, n });
        deposited?.(ctx.attempt, n);
      },
      balance: (_input, ctx) => ctx.state.get()?.balance ?? 0,
      close: (_input, ctx) => ctx.state.delete(),
    },
    { keyed: { partitions: 4, idleMs: 100 }, redelivery: { deliveries: 5, delayMs: 5 } },
  );
}

async function bookkeeper(node: ActorNode): Promise<{ id: string; n: number }[]> {
  const entries: { id: string; n: number }[] = [];
  await node.serve(actor(book, { entry: (entry) => void entries.push(entry) }));
  return entries;
}

export function keyedState(promised: Promised): void {
  promised('state is kept by key: what one message has set the next one reads, on whichever node', async (t, stage) => {
    const one = await stage.serving(bankActor(), 'one');
    const api = (await stage.node('caller')).client(bank);
    t.is(await api.balance(undefined, { key: 'ann' }), 0);
    t.is(await api.deposit(5, { key: 'ann' }), 5);
    t.is(await api.deposit(7, { key: 'ann' }), 12);
    t.is(await api.deposit(1, { key: 'bob' }), 1);
    await stage.serving(bankActor(), 'two');
    await one.close();
    t.is(await api.balance(undefined, { key: 'ann' }), 12);
    await api.close(undefined, { key: 'ann' });
    t.is(await api.balance(undefined, { key: 'ann' }), 0);
    t.is(await api.balance(undefined, { key: 'bob' }), 1);
  });

  promised('a handler that fails changes nothing and tells nobody', async (t, stage) => {
    const server = await stage.serving(
      bankActor({
        casts: true,
        deposited: (attempt, n) => {
          if (n === 13) throw new Error('unlucky');
          if (attempt < 3) throw new Error('not yet');
        },
      }),
    );
    const entries = await bookkeeper(server);
    const api = server.client(bank, { retry: false });
    t.is((await rejection(api.deposit(13, { key: 'k' }))).code, 'HANDLER');
    await api.note.cast(4, { key: 'k' });
    await until('the cast to be handled', async () => (await api.balance(undefined, { key: 'k' })) === 4);
    await until('it to be told on', () => entries.length > 0);
    t.deepEqual(
      entries.map(({ n }) => n),
      [4],
    );
  });

  promised('state and casts are carried out once, also when nobody hears of the commit', async (t, stage) => {
    const backend = faulty(stage.backend());
    const server = await stage.node('server', { backend });
    await server.serve(bankActor({ casts: true }));
    const entries = await bookkeeper(await stage.node('book'));
    const api = (await stage.node('caller')).client(bank);
    for (const n of numbers(20)) {
      if (n % 3 === 0) backend.dropNextReply('commit');
      if (n % 4 === 0) backend.dropNextReply('append');
      if (n % 5 === 0) backend.dropNextReply('settle');
      if (n % 2 === 0) t.is(await api.deposit(1, { key: 'k' }), n + 1);
      else await api.note.cast(1, { key: 'k' });
    }
    await until('all to be applied', async () => (await api.balance(undefined, { key: 'k' })) === 20);
    await until('all to be told on', () => entries.length >= 20);
    t.is(new Set(entries.map(({ id }) => id)).size, 20);
    t.is(entries.length, 20, 'none twice');
    t.deepEqual(entries.map(({ id }) => id).toSorted(), [...new Set(entries.map(({ id }) => id))].toSorted());
  });

  promised(
    'while the backend is away handlers wait to commit; when it is back each message counts once',
    async (t, stage) => {
      const backend = faulty(stage.backend());
      const server = await stage.node('server', { backend });
      await server.serve(bankActor({ casts: true }));
      const entries = await bookkeeper(await stage.node('book'));
      const api = (await stage.node('caller')).client(bank, { timeoutMs: 20_000 });
      t.is(await api.deposit(1, { key: 'k' }), 1);
      const answers = numbers(40).map((n) => api.deposit(1, { key: n % 2 === 0 ? 'k' : 'other' }));
      backend.sleep();
      await new Promise((resolve) => setTimeout(resolve, 200));
      backend.wake();
      backend.cut();
      await Promise.all(answers);
      t.is(await api.balance(undefined, { key: 'k' }), 21);
      t.is(await api.balance(undefined, { key: 'other' }), 20);
      await until('all to be told on', () => entries.length >= 41);
      t.is(new Set(entries.map(({ id }) => id)).size, entries.length);
    },
  );

  promised('where state cannot be read for good a call is told so, and a cast waits', async (t, stage) => {
    let isForbidden = true;
    let refused = 0;
    const backend = altered(stage.backend(), ({ partitions }) => ({
      partitions: changed(partitions, {
        states: async (mailbox, partition, keys) => {
          if (!isForbidden) return await partitions.states(mailbox, partition, keys);
          refused += 1;
          throw new TransportError('not for this user', { retryable: false, outcome: 'not-executed' });
        },
      }),
    }));
    const server = await stage.serving(bankActor(), 'server', { backend });
    const api = (await stage.node('caller')).client(bank, { retry: false });
    const error = await rejection(api.deposit(1, { key: 'told', timeoutMs: 5_000 }));
    t.is(error.code, 'TRANSPORT');
    t.is(error.outcome, 'not-executed');
    await api.note.cast(4, { key: 'k' });
    await until('it to be tried again', () => refused > 3);
    isForbidden = false;
    t.is(await api.balance(undefined, { key: 'k' }), 4);
    t.is((await server.depth(bank)).dead, 0);
  });

  promised('where the backend is full a call is told so, and a cast waits to be committed', async (t, stage) => {
    let isFull = true;
    let refused = 0;
    const backend = altered(stage.backend(), ({ partitions }) => ({
      partitions: changed(partitions, {
        commit: async (mailbox, partition, commit) => {
          if (!isFull) return await partitions.commit(mailbox, partition, commit);
          refused += 1;
          throw new BackendFull('no room');
        },
      }),
    }));
    let ran = 0;
    const server = await stage.serving(bankActor({ deposited: () => void (ran += 1) }), 'server', { backend });
    const api = (await stage.node('caller')).client(bank, { retry: false });
    t.is((await rejection(api.deposit(1, { key: 'told' }))).code, 'BACKEND_FULL');
    await api.note.cast(4, { key: 'k' });
    await until('it to be tried more often than it would be delivered', () => refused > 6);
    await until('it to hurt', async () => (await server.alerts.list()).some(({ kind }) => kind === 'redis-full'));
    isFull = false;
    await until('it to be done', async () => (await server.depth(bank)).messages === 0);
    t.is(await api.balance(undefined, { key: 'k' }), 4);
    t.is(await api.balance(undefined, { key: 'told' }), 0);
    t.is((await server.depth(bank)).dead, 0);
    t.is(ran, 2, 'each ran once');
  });

  promised('casts of a handler with state leave in the order in which they were made', async (t, stage) => {
    const server = await stage.serving(bankActor({ casts: true }));
    const seen: number[] = [];
    await server.serve(actor(book, { entry: ({ n }) => void seen.push(n) }, { concurrency: 1 }));
    const api = server.client(bank);
    for (const n of numbers(50)) await api.note.cast(n, { key: 'k' });
    await until('all to be told on', () => seen.length === 50);
    t.deepEqual(seen, numbers(50));
  });

  promised('what a node was told to cast leaves before it hands its partitions over', async (t, stage) => {
    const { opened, open } = gate();
    let running = false;
    const last = contract('last', { state: z.number(), methods: { run: { input: z.number() } } });
    const server = await stage.serving(
      actor(
        last,
        {
          run: async (n, ctx) => {
            running = true;
            await opened;
            ctx.state.set(n);
            for (const one of numbers(3)) await ctx.client(book).entry.cast({ id: 'last', n: one });
          },
        },
        { keyed: { partitions: 2 } },
      ),
    );
    const observer = await stage.node('observer');
    await observer.client(last).run.cast(1, { key: 'k' });
    await until('it to run', () => running);
    const closed = server.close();
    await until('it to be leaving', () => observer.registry.instances('last').length === 0);
    open();
    await closed;
    // Nobody serves the actor any more: what has not left waits for who will.
    t.is((await observer.depth(book)).messages, 3);
  });

  promised('what cannot be kept fails the message at once, and nothing is kept', async (t, stage) => {
    const odd = contract('odd', {
      state: z.object({ n: z.number() }),
      methods: { put: { input: z.unknown() }, get: { output: z.unknown() } },
    });
    const server = await stage.serving(
      actor(
        odd,
        {
          put: (value, ctx) => ctx.state.set(value as { n: number }),
          get: (_input, ctx) => ctx.state.get() ?? null,
        },
        { keyed: { partitions: 2 } },
      ),
    );
    const api = server.client(odd, { retry: false });
    t.is((await rejection(api.put({ n: 'no number' }, { key: 'k' }))).code, 'VALIDATION');
    t.is(await api.get(undefined, { key: 'k' }), null);
    await api.put({ n: 3 }, { key: 'k' });
    t.deepEqual(await api.get(undefined, { key: 'k' }), { n: 3 });
  });

  promised('an actor keeps no state without being keyed', async (t) => {
    const handlers = { deposit: (n: number) => n, note: () => {}, balance: () => 0, close: () => {} };
    const error = await refusal(() => actor(bank, handlers));
    t.is(error.code, 'CONFIG');
    t.true(error.message.includes('options.keyed'));
  });
}
