import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { MailboxFull } from '../../ground/errors.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

const small = contract('small', {
  methods: { put: { input: z.number() }, ask: { input: z.number(), output: z.number() } },
});
const texts = contract('texts', { methods: { put: { input: z.string() } } });
const wide = contract('wide', { methods: { put: { input: z.number() } } });

export function bounds(promised: Promised): void {
  promised(
    'a full mailbox refuses with its numbers, takes what fits of a burst, and holds up no other',
    async (t, stage) => {
      const { opened, open } = gate();
      const handled: number[] = [];
      const put = async (n: number): Promise<void> => {
        await opened;
        handled.push(n);
      };
      await stage.serving(actor(small, { put, ask: (n) => n }, { maxLength: 5 }));
      const others: number[] = [];
      await stage.serving(actor(wide, { put: (n) => void others.push(n) }), 'other');
      const node = await stage.node('caller');
      const results = await Promise.all(
        numbers(20).map((n) =>
          node
            .client(small)
            .put.cast(n)
            .then(
              () => undefined,
              (error: unknown) => error,
            ),
        ),
      );
      const refused = results.filter((result) => result !== undefined) as MailboxFull[];
      t.is(refused.length, 15);
      t.deepEqual(
        results.slice(0, 5),
        numbers(5).map(() => undefined),
        'the first of the burst found room',
      );
      for (const error of refused) {
        t.true(error instanceof MailboxFull);
        t.is(error.code, 'MAILBOX_FULL');
        t.is(error.outcome, 'not-executed');
        t.is(error.retryable, true);
      }
      const details = refused.at(-1)?.details as { messages: number; maxLength: number; room: number };
      t.is(details.messages, 5);
      t.is(details.maxLength, 5);
      t.is(details.room, 0);
      t.is((await rejection(node.client(small).ask(1))).code, 'MAILBOX_FULL', 'a call needs room too');
      t.is(node.stats().pendingCalls, 0);
      await node.client(wide).put.cast(1);
      await until('the other mailbox to go on', () => others.length === 1);
      open();
      await until('those accepted to be handled', () => handled.length === 5);
      await until('room to return', async () => (await node.depth(small)).messages === 0);
      await node.client(small).put.cast(20);
      await until('the newcomer to be handled', () => handled.length === 6);
      t.deepEqual(
        handled.toSorted((a, b) => a - b),
        [0, 1, 2, 3, 4, 20],
      );
    },
  );

  promised('delayed casts take room, and redelivery is never refused', async (t, stage) => {
    const attempts: number[] = [];
    const failing = actor(
      small,
      {
        put: (_n, ctx) => {
          attempts.push(ctx.attempt);
          if (ctx.attempt === 1) throw new Error('once more');
        },
        ask: (n) => n,
      },
      { maxLength: 2, redelivery: { delayMs: 300 } },
    );
    await stage.serving(failing);
    const node = await stage.node('caller');
    await node.client(small).put.cast(1);
    await until('the first attempt', () => attempts.length === 1);
    await node.client(small).put.cast(2, { delayMs: 60_000 });
    t.is((await rejection(node.client(small).put.cast(3))).code, 'MAILBOX_FULL');
    await until('the second attempt', () => attempts.length === 2);
    t.deepEqual(attempts, [1, 2]);
  });

  promised(
    'who waits for room gets it as it comes, in order, while others are refused, and none is lost',
    async (t, stage) => {
      const { opened, open } = gate();
      const handled: number[] = [];
      const put = async (n: number): Promise<void> => {
        await opened;
        handled.push(n);
      };
      await stage.serving(actor(small, { put, ask: (n) => n }, { maxLength: 5, concurrency: 1 }));
      const node = await stage.node('caller');
      const api = node.client(small, { whenFull: 'wait' });
      const sent = numbers(40).map((n) => api.put.cast(n));
      await Promise.all(sent.slice(0, 5));
      await until('the mailbox to be full', async () => (await node.depth(small)).messages === 5);
      t.is((await rejection(node.client(small).put.cast(99))).code, 'MAILBOX_FULL');
      t.is((await rejection(api.put.cast(99, { whenFull: 'reject' }))).code, 'MAILBOX_FULL');
      const late = await rejection(api.ask(99, { timeoutMs: 300 }));
      t.is(late.code, 'CALL_TIMEOUT');
      t.is(late.outcome, 'not-executed', 'it never got in');
      open();
      await Promise.all(sent);
      await until('all of them to be handled', () => handled.length === 40);
      t.deepEqual(handled, numbers(40));
      t.is(await api.ask(7), 7);
    },
  );

  promised(
    'what is larger than the mailbox is told so at once, and what is smaller goes in part by part',
    async (t, stage) => {
      const handled: string[] = [];
      const put = (text: string): void => void handled.push(text);
      await stage.serving(actor(texts, { put }, { maxBytes: 20_000 }));
      const api = (await stage.node('caller')).client(texts, { whenFull: 'wait', timeoutMs: 20_000 });
      const startedAt = performance.now();
      // All of one turn: frames of up to 64 KiB.
      const sent = numbers(40).map((n) => api.put.cast(`${n}`.padEnd(2_000)));
      const large = await rejection(api.put.cast('x'.repeat(30_000)));
      t.is(large.code, 'PAYLOAD_TOO_LARGE');
      t.is(large.outcome, 'not-executed');
      await Promise.all(sent);
      await until('all of them to be handled', () => handled.length === 40);
      t.true(performance.now() - startedAt < 10_000, 'nobody waits for what never comes');
      t.deepEqual(
        handled.map((text) => Number(text)),
        numbers(40),
      );
      t.is((await rejection(api.put.cast('x'.repeat(30_000), { whenFull: 'reject' }))).code, 'PAYLOAD_TOO_LARGE');
    },
  );

  promised('several nodes that wait for room all get theirs', async (t, stage) => {
    const { opened, open } = gate();
    let handled = 0;
    const put = async (): Promise<void> => {
      await opened;
      handled += 1;
    };
    await stage.serving(actor(small, { put, ask: (n) => n }, { maxLength: 4 }));
    const callers = await Promise.all(['a', 'b', 'c'].map((name) => stage.node(name)));
    const sent = callers.flatMap((node) =>
      numbers(10).map((n) => node.client(small, { whenFull: 'wait' }).put.cast(n)),
    );
    open();
    await Promise.all(sent);
    await until('all of them to be handled', () => handled === 30);
    t.is(handled, 30);
  });

  promised('a mailbox refuses beyond its limit while nobody reads it (S0-08)', async (t, stage) => {
    const server = await stage.serving(actor(small, { put: () => undefined, ask: (n) => n }, { maxLength: 2 }));
    await server.unserve(small);
    const node = await stage.node('caller');
    const { put } = node.client(small);
    const told = await node.batch(numbers(5).map((n) => put.cast(n)));
    t.deepEqual(
      told.map((result) => (result.ok ? 'accepted' : result.error.code)),
      ['accepted', 'accepted', 'MAILBOX_FULL', 'MAILBOX_FULL', 'MAILBOX_FULL'],
    );
    const { details } = await rejection(put.cast(5));
    const { messages, maxLength, room } = details as Record<string, number>;
    t.deepEqual([messages, maxLength, room], [2, 2, 0]);
  });

  promised('bytes are bounded too', async (t, stage) => {
    const heavy = contract('heavy', { methods: { put: { input: z.any() } } });
    const { opened, open } = gate();
    await stage.serving(actor(heavy, { put: () => opened }, { maxBytes: 10_000 }));
    const node = await stage.node('caller');
    await node.client(heavy).put.cast(new Uint8Array(8_000));
    const error = await rejection(node.client(heavy).put.cast(new Uint8Array(8_000)));
    t.is(error.code, 'MAILBOX_FULL');
    t.is((error.details as { maxBytes: number }).maxBytes, 10_000);
    await node.client(heavy).put.cast(new Uint8Array(100));
    open();
  });
}
