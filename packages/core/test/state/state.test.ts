/** Shared state in virtual time, its types, and what lies there that no node would write. */
import test from 'ava';
import { z } from 'zod';
import type { Link } from '../../src/backend.ts';
import type { StandardSchema } from '../../src/contract/standard-schema.ts';
import { memory } from '../../src/backends/memory.ts';
import { createNode } from '../../src/node/create-node.ts';
import type { ActorNode } from '../../src/node/node.ts';
import type { PipelineResult } from '../../src/state/pipeline.ts';
import { createTestNode, faulty, virtualClock } from '../../src/testing/index.ts';
import { identity } from '../backends/joined.ts';

const Cart = z.object({ items: z.array(z.string()), since: z.string().transform((text) => new Date(text)) });

/** Compiles only when both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <_Holds extends true>(): void => undefined;

/** Never runs: it is here to be compiled. */
async function types(node: ActorNode): Promise<void> {
  type Read = { items: string[]; since: Date };
  const carts = node.state('carts', { schema: Cart });
  await carts.set('a', { items: [], since: '2026-01-01' });
  // @ts-expect-error: what is set is what goes into the schema
  await carts.set('a', { items: [], since: new Date() });
  const read = await carts.get('a');
  same<Same<typeof read, Read | undefined>>();
  const many = await carts.getMany(['a']);
  same<Same<typeof many, readonly (Read | undefined)[]>>();
  const swapped = await carts.cas('a', 0, { items: [], since: '' });
  if (!swapped.ok) same<Same<typeof swapped.value, Read | undefined>>();
  const picked = await carts.pipeline((p) => [p.get('a'), p.delete('b')]);
  same<Same<(typeof picked)[0], PipelineResult<Read | undefined>>>();
  same<Same<(typeof picked)[1], PipelineResult<boolean>>>();
  const listed = await carts.pipeline((p) => ['a', 'b'].map((key) => p.get(key)));
  same<Same<(typeof listed)[number], PipelineResult<Read | undefined>>>();
  const all = await carts.pipeline((p) => {
    p.get('a');
  });
  same<Same<typeof all, readonly PipelineResult<unknown>[]>>();
  const counters = node.state<number>('counters', { ttlMs: 5 });
  same<Same<Awaited<ReturnType<typeof counters.get>>, number | undefined>>();
  // @ts-expect-error: the values are numbers
  await counters.multi((tx) => tx.set('a', 'one'));
  const anything = node.state('anything');
  same<Same<Awaited<ReturnType<typeof anything.get>>, unknown>>();
}

test('the types of values come from the schema, or from whoever opens the state', (t) => {
  t.is(typeof types, 'function');
});

test('a session of one second, touched each half, lives for three; untouched it is gone at one (S3-43)', async (t) => {
  const clock = virtualClock();
  await using node = await createTestNode({ clock });
  const sessions = node.state<string>('session', { ttlMs: 1_000, sliding: true });
  await sessions.set('read', 'r');
  await sessions.set('touched', 't');
  await sessions.set('many', 'm');
  await sessions.set('own', 'o', { ttlMs: 600 });
  await sessions.set('idle', 'i');
  for (let at = 500; at <= 3_000; at += 500) {
    await clock.advance(499);
    t.is(await sessions.has('idle'), at <= 1_000, `just before ${at}`);
    await clock.advance(1);
    t.is(await sessions.has('idle'), at < 1_000, `at ${at}`);
    t.is(await sessions.get('read'), 'r');
    t.true(await sessions.touch('touched'));
    t.deepEqual(await sessions.getMany(['many']), ['m']);
    t.is((await sessions.entry('own'))?.value, 'o', 'what a set said of its own is what is renewed');
    t.deepEqual([await sessions.ttl('read'), await sessions.ttl('own')], [1_000, 600]);
  }
  await clock.advance(600);
  t.is(await sessions.get('own'), undefined);
  await sessions.has('read');
  await sessions.ttl('read');
  await clock.advance(400);
  t.deepEqual(await sessions.getMany(['read', 'touched', 'many']), [undefined, undefined, undefined]);
  const plain = node.state<string>('session');
  await plain.set('x', 'x', { ttlMs: 1_000 });
  await clock.advance(600);
  await plain.get('x');
  await clock.advance(400);
  t.is(await plain.get('x'), undefined, 'only sliding state is renewed by reading');
});

test('what lies there and cannot be read is told, named and left (S3-39)', async (t) => {
  const backend = memory();
  const node = await createNode({ backend, signals: false, maxBodyBytes: 100 });
  const { state } = await linkOf(backend);
  const carts = node.state('carts');
  const hostile: readonly (readonly [bytes: readonly number[], why: string])[] = [
    [[], 'truncated'],
    [[0xc1], 'form'],
    [[0x01, 0x02], 'trailing'],
    [[0xd4, 0x01, 0x02], 'extension'],
    [[0x81, 0xa9, ...Buffer.from('__proto__'), 0x80], 'forbidden-key'],
    [[0xdd, 0xff, 0xff, 0xff, 0xff], 'truncated'],
    [Array.from({ length: 101 }, () => 0x91), 'too-large'],
  ];
  for (const [bytes, reason] of hostile) {
    const body = Uint8Array.from(bytes);
    await state.each('carts', [{ kind: 'set', key: 'k', body }]);
    for (const reading of [carts.get('k'), carts.entry('k'), carts.getMany(['k']), carts.cas('k', 0, 1)]) {
      const error = await t.throwsAsync(reading);
      t.like(error, { code: 'STATE_INVALID', retryable: false, details: { space: 'carts', key: 'k', reason } });
    }
    const results = await carts.pipeline((p) => [p.get('k'), p.set('other', 1), p.get('other')]);
    t.deepEqual(
      results.map((result) => (result.ok ? result.value : result.error.code)),
      ['STATE_INVALID', true, 1],
    );
    const [found] = await state.each('carts', [{ kind: 'get', key: 'k', renew: false }]);
    t.deepEqual(found?.kind === 'entry' && [...found.entry.body], [...bytes], 'it is still there');
  }
  await carts.set('k', 1);
  t.is(await carts.get('k'), 1);
  await node.close();
});

test('an asynchronous schema, and one that throws, are waited for', async (t) => {
  await using node = await createTestNode();
  const asked: unknown[] = [];
  const even: StandardSchema<number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => {
        asked.push(value);
        await new Promise((resolve) => setImmediate(resolve));
        if (value === 13) throw new Error('unlucky');
        return Number(value) % 2 === 0 ? { value: Number(value) } : { issues: [{ message: 'odd' }] };
      },
    },
  };
  const numbers = node.state('numbers', { schema: even });
  await numbers.set('n', 2);
  t.is(((await t.throwsAsync(numbers.set('n', 3))) as { code?: string }).code, 'VALIDATION');
  await t.throwsAsync(numbers.set('n', 13), { message: 'unlucky' });
  t.is(await numbers.get('n'), 2);
  await node.state<number>('numbers').set('n', 13);
  t.like(await t.throwsAsync(numbers.get('n')), { code: 'STATE_INVALID' });
  t.deepEqual(asked, [2, 3, 13, 2, 13]);
  const swapped = await t.throwsAsync(numbers.multi((tx) => tx.set('a', 2).set('b', 3)));
  t.is((swapped as { code?: string }).code, 'VALIDATION');
  t.false(await numbers.has('a'));
});

test('while the backend is away every way in says so, and nothing is lost', async (t) => {
  const backend = faulty(memory());
  await using node = await createTestNode({ backend });
  const state = node.state<number>('carts');
  await state.set('k', 1);
  backend.sleep();
  for (const ask of [
    () => state.get('k'),
    () => state.set('k', 2),
    () => state.getMany(['k']),
    () => state.cas('k', 0, 2),
    () => state.multi((tx) => tx.set('k', 2)),
    () => state.pipeline((p) => [p.set('k', 2)]),
  ])
    t.like(await t.throwsAsync(ask() as Promise<unknown>), { code: 'TRANSPORT', outcome: 'not-executed' });
  backend.wake();
  t.is(await state.get('k'), 1);
});

test('what one step sets is bounded', async (t) => {
  await using node = await createTestNode({ maxBodyBytes: 33 * 1024 * 1024 });
  const state = node.state<Uint8Array>('blobs');
  const large = new Uint8Array(32 * 1024 * 1024);
  const refused = await t.throwsAsync(state.multi((tx) => tx.set('a', large).set('b', large)));
  t.like(refused, { code: 'PAYLOAD_TOO_LARGE', outcome: 'not-executed' });
  t.true(await state.set('a', large));
  t.false(await state.has('b'));
});

async function linkOf(backend: ReturnType<typeof memory>): Promise<Link> {
  return backend.connect({ ...identity('hand'), namespace: 'homeostat' });
}
