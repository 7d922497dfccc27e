import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { rejection, until, type Promised } from './stage.ts';

const methods = {
  getUser: { input: z.object({ userId: z.number() }), output: z.object({ id: z.number() }) },
  note: { input: z.string() },
  count: { input: z.number(), yields: z.number() },
  refuse: { errors: { NO: z.number() } },
} as const;
const first = contract('user-service', { methods });
const second = contract('user-service', { version: '2.3.0', methods });

export function naming(promised: Promised): void {
  promised(
    'a service that is known by its name alone is called, told and read from (S0-21, S0-22)',
    async (t, stage) => {
      const notes: string[] = [];
      const handlers = (version: number): Parameters<typeof actor<typeof methods, undefined>>[1] => ({
        getUser: ({ userId }) => ({ id: version * 10 + userId }),
        note: (text) => void notes.push(text),
        count: async function* (to) {
          for (let n = 1; n <= to; n += 1) yield n;
        },
        refuse: (_input, ctx) => {
          throw ctx.fail('NO', 7);
        },
      });
      await stage.serving(actor(first, handlers(1)));
      await stage.serving(actor(second, handlers(2)), 'second');
      const node = await stage.node('caller');
      const users = node.client('user-service', { timeoutMs: 5_000 });
      t.deepEqual(await users.call('getUser', { userId: 1 }), { id: 11 });
      t.deepEqual(await node.client('user-service@2').call('getUser', { userId: 1 }), { id: 21 });
      const answered = await users.try('getUser', { userId: 2 });
      t.deepEqual(answered.ok && answered.value, { id: 12 });
      await users.cast('note', 'told');
      await until('the cast to be handled', () => notes.length === 1);
      const items: unknown[] = [];
      for await (const item of users.stream('count', 3)) items.push(item);
      t.deepEqual(items, [1, 2, 3]);
      const refused = await rejection(users.call('refuse'));
      t.deepEqual([refused.code, refused.details], ['NO', 7]);
      t.is((await rejection(users.call('getUser', { userId: 'x' }))).code, 'VALIDATION', 'the node checks the input');
      t.is((await rejection(users.call('getUsers'))).code, 'METHOD_NOT_FOUND');
      const nobody = node.client('nobody', { failFast: true });
      t.is((await rejection(nobody.call('getUser'))).code, 'SERVICE_NOT_FOUND');
    },
  );

  promised('of a keyed actor that is known by its name alone the key decides', async (t, stage) => {
    const seen: string[] = [];
    const book = contract('book', { methods: { add: { input: z.number(), output: z.string() } } });
    const add = (n: number, { key }: { key: string | undefined }): string => (seen.push(`${key}`), `${key} ${n}`);
    await stage.serving(actor(book, { add }, { keyed: { partitions: 4 } }));
    const named = (await stage.node('caller')).client('book');
    t.is(await named.call('add', 1, { key: 'ann' }), 'ann 1');
    await named.cast('add', 2, { key: 'ben' });
    await until('both to be handled', () => seen.length === 2);
    t.is((await rejection(named.call('add', 3))).code, 'KEY_REQUIRED');
  });
}
