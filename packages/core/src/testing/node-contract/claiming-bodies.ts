import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { rejection, until, type Promised } from './stage.ts';

const files = contract('files', {
  methods: {
    keep: { input: z.instanceof(Uint8Array) },
    measure: { input: z.object({ bytes: z.instanceof(Uint8Array) }), output: z.number() },
  },
});
const CLAIM = { claimCheck: { overBytes: 1_000 } } as const;
/** More than the nodes of these tests take in an envelope. */
const LARGE = 3 * 1024 * 1024;

export function claimingBodies(promised: Promised): void {
  promised('a body over the limit is refused where it is sent, with a typed error', async (t, stage) => {
    const node = await stage.node('caller');
    const error = await rejection(node.client(files).measure({ bytes: new Uint8Array(LARGE) }));
    t.is(error.code, 'PAYLOAD_TOO_LARGE');
    t.is(error.outcome, 'not-executed');
    t.is((await node.depth(files)).messages, 0);
  });

  promised('a large body is left beside the mailbox, arrives whole, and what waits stays small', async (t, stage) => {
    const kept: Uint8Array[] = [];
    const node = await stage.node('caller');
    const api = node.client(files, CLAIM);
    const body = new Uint8Array(LARGE).map((_, index) => (index * 31) % 251);
    await api.keep.cast(body);
    await api.keep.cast(body.subarray(0, 100));
    const { messages, bytes } = await node.depth(files);
    t.is(messages, 2);
    t.true(bytes < 1_000, `${bytes} bytes wait`);
    await stage.serving(
      actor(files, { keep: (given) => void kept.push(given), measure: ({ bytes: given }) => given.length }),
    );
    await until('both to be kept', () => kept.length === 2);
    const [large, small] = kept.toSorted((a, b) => b.length - a.length);
    t.true(Buffer.from(large!).equals(body));
    t.is(small?.length, 100);
    t.is(await api.measure({ bytes: body }), LARGE, 'of calls as well');
  });

  promised('what a stream is asked for with may be large, too', async (t, stage) => {
    const cutting = contract('cutting', {
      methods: { cut: { input: z.instanceof(Uint8Array), yields: z.instanceof(Uint8Array) } },
    });
    await stage.serving(
      actor(cutting, {
        async *cut(whole) {
          for (let at = 0; at < whole.length; at += 500_000) yield whole.subarray(at, at + 500_000);
        },
      }),
    );
    const node = await stage.node('caller');
    t.is((await rejection(node.client(cutting).cut(new Uint8Array(LARGE)).next())).code, 'PAYLOAD_TOO_LARGE');
    let bytes = 0;
    for await (const part of node.client(cutting, CLAIM).cut(new Uint8Array(LARGE))) bytes += part.length;
    t.is(bytes, LARGE);
  });

  promised('a body outlives every redelivery of its message', async (t, stage) => {
    const attempts: string[] = [];
    const keep = (given: Uint8Array, { attempt }: { attempt: number }): void => {
      attempts.push(`${attempt}: ${given.length}`);
      if (attempt < 3) throw new Error('once more');
    };
    await stage.serving(
      actor(files, { keep, measure: () => 0 }, { redelivery: { deliveries: 3, delayMs: 10, maxDelayMs: 10 } }),
    );
    await (await stage.node('caller')).client(files, CLAIM).keep.cast(new Uint8Array(LARGE));
    await until('the third delivery', () => attempts.length === 3);
    t.deepEqual(
      attempts,
      [1, 2, 3].map((attempt) => `${attempt}: ${LARGE}`),
    );
  });

  promised('the time of a body that is due later begins when it is due', async (t, stage) => {
    const kept: number[] = [];
    await stage.serving(actor(files, { keep: (given) => void kept.push(given.length), measure: () => 0 }));
    const api = (await stage.node('caller')).client(files, { claimCheck: { overBytes: 1_000, ttlMs: 1_000 } });
    await api.keep.cast(new Uint8Array(LARGE), { delayMs: 1_500 });
    await until('it to be kept', () => kept.length === 1);
    t.deepEqual(kept, [LARGE]);
  });

  promised(
    'a body that is not over the bound, but over the limit of a message, is left beside it too',
    async (t, stage) => {
      await stage.serving(actor(files, { keep: () => undefined, measure: ({ bytes }) => bytes.length }));
      const node = await stage.node('caller');
      const api = node.client(files, { claimCheck: { overBytes: 2 * LARGE }, timeoutMs: 5_000 });
      t.is(await api.measure({ bytes: new Uint8Array(LARGE) }), LARGE);
      t.is((await node.depth(files)).dead, 0);
    },
  );

  promised('a message whose body is gone is answered so, and a cast becomes a dead letter', async (t, stage) => {
    const node = await stage.node('caller');
    const api = node.client(files, { claimCheck: { overBytes: 1_000, ttlMs: 1 } });
    const asked = rejection(api.measure({ bytes: new Uint8Array(LARGE) }));
    await api.keep.cast(new Uint8Array(LARGE));
    await until('both to wait', async () => (await node.depth(files)).messages === 2);
    let ran = 0;
    const run = (): number => (ran += 1);
    await stage.serving(actor(files, { keep: () => void run(), measure: run }));
    const error = await asked;
    t.is(error.code, 'CLAIMED_BODY_GONE');
    t.is(error.outcome, 'not-executed');
    await until('the dead letter', async () => (await node.depth(files)).dead === 1);
    const [letter] = await node.deadLetters(files).list();
    t.is(letter?.reason, 'CLAIMED_BODY_GONE');
    t.is(ran, 0);
  });
}
