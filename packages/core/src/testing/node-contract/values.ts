import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { numbers, rejection, until, type Promised } from './stage.ts';

const MIB = 1024 * 1024;

const echo = contract('echo', {
  methods: { say: { input: z.any(), output: z.any() }, swell: { input: z.number(), output: z.any() } },
});
const echoActor = actor(echo, { say: (value) => value as unknown, swell: (bytes) => new Uint8Array(bytes) });

/** What is sent, and what arrives. */
const forms: readonly (readonly [name: string, sent: unknown, arrives: unknown])[] = [
  ['null', null, null],
  ['undefined', undefined, undefined],
  ['booleans', [true, false], [true, false]],
  ['numbers', [0, 1, -1, 0.1, 1e300, 2 ** 53 - 1, -(2 ** 53) + 1], [0, 1, -1, 0.1, 1e300, 2 ** 53 - 1, -(2 ** 53) + 1]],
  ['bigints beyond a number', 2n ** 63n, 2n ** 63n],
  ['texts', ['', 'ä€😀', 'a'.repeat(70_000)], ['', 'ä€😀', 'a'.repeat(70_000)]],
  ['arrays', [[], [1, [2, [3]]], [null]], [[], [1, [2, [3]]], [null]]],
  ['objects', { a: { b: { c: null } }, empty: {} }, { a: { b: { c: null } }, empty: {} }],
  ['dates', new Date(1_700_000_000_123), new Date(1_700_000_000_123)],
  ['maps with text keys, as objects', new Map([['a', 1]]), { a: 1 }],
  ['sets, as arrays', new Set([1, 2]), [1, 2]],
  ['fields that are undefined, left off', { a: 1, b: undefined }, { a: 1 }],
];

export function values(promised: Promised): void {
  promised('values arrive as what they were (S0-47)', async (t, stage) => {
    await stage.serving(echoActor);
    const api = (await stage.node('caller')).client(echo);
    for (const [name, sent, arrives] of forms) t.deepEqual(await api.say(sent), arrives, name);
  });

  promised('binary data arrives byte by byte (S0-47)', async (t, stage) => {
    const node = await stage.serving(echoActor);
    const bytes = Buffer.from(numbers(256));
    for (const sent of [bytes, new Uint8Array(bytes), Buffer.alloc(0)]) {
      const back: unknown = await node.client(echo).say({ sent });
      const { sent: received } = back as { sent: Uint8Array };
      t.true(received instanceof Uint8Array);
      t.is(Buffer.compare(received, sent), 0);
    }
  });

  promised('a mebibyte travels there and back, as bytes and as text (S0-47)', async (t, stage) => {
    await stage.serving(echoActor);
    const api = (await stage.node('caller')).client(echo);
    const bytes = Buffer.alloc(MIB, 0xa5);
    t.is(Buffer.compare((await api.say(bytes)) as Uint8Array, bytes), 0);
    const text = 'x'.repeat(MIB);
    t.true((await api.say(text)) === text);
  });

  promised('a body beyond the limit is refused at the sender, and nothing is sent (S0-47)', async (t, stage) => {
    const node = await stage.node('caller');
    const api = node.client(echo);
    const error = await rejection(api.say(Buffer.alloc(MIB + 2_048)));
    t.is(error.code, 'PAYLOAD_TOO_LARGE');
    t.is(error.outcome, 'not-executed');
    t.is((error.details as { limit: number }).limit, MIB + 1_024);
    t.is((await rejection(api.say.cast('y'.repeat(MIB + 2_048)))).code, 'PAYLOAD_TOO_LARGE');
    t.is((await node.depth(echo)).messages, 0);
    t.is(node.stats().pendingCalls, 0);
  });

  promised('a refused body takes no other message of its burst with it', async (t, stage) => {
    const node = await stage.serving(echoActor);
    const api = node.client(echo);
    const results = await Promise.all(
      numbers(20).map((index) => api.say.try(index % 4 === 3 ? Buffer.alloc(MIB + 2_048) : index)),
    );
    t.deepEqual(
      results.map((result) => (result.ok ? result.value : result.error.code)),
      numbers(20).map((index) => (index % 4 === 3 ? 'PAYLOAD_TOO_LARGE' : index)),
    );
  });

  promised('a body is encoded once for each try, when it is sent (S0-50)', async (t, stage) => {
    const tried = contract('tried', { methods: { fail: { input: z.any(), kind: 'query', breaker: false } } });
    let runs = 0;
    const fail = (): void => {
      runs += 1;
      throw new Error('not yet');
    };
    await stage.serving(actor(tried, { fail }));
    let packed = 0;
    const body = Object.defineProperty({}, 'n', { enumerable: true, get: () => (packed += 1) });
    const api = (await stage.node('caller')).client(tried, { retry: { attempts: 3, delayMs: 1 } });
    t.is((await api.fail.try(body)).attempts, 3);
    t.deepEqual([packed, runs], [3, 3]);
    await api.fail.cast(body);
    t.is(packed, 4);
  });

  promised('an answer beyond the limit fails its call', async (t, stage) => {
    await stage.serving(echoActor);
    const api = (await stage.node('caller')).client(echo);
    const error = await rejection(api.swell(MIB + 2_048));
    t.is(error.code, 'PAYLOAD_TOO_LARGE');
    t.is(error.outcome, 'failed');
    t.is(((await api.swell(10)) as Uint8Array).length, 10);
  });

  promised('nodes with a larger limit send and answer larger bodies', async (t, stage) => {
    await stage.serving(echoActor, 'server', { maxBodyBytes: 3 * MIB });
    const api = (await stage.node('caller', { maxBodyBytes: 3 * MIB })).client(echo);
    const bytes = Buffer.alloc(2 * MIB, 7);
    t.is(Buffer.compare((await api.say(bytes)) as Uint8Array, bytes), 0);
  });

  promised('what cannot travel is refused with the path to it', async (t, stage) => {
    const node = await stage.serving(echoActor);
    const api = node.client(echo);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [{ a: { f: () => 1 } }, { a: { f: Symbol('x') } }, { a: { f: 2n ** 70n } }]) {
      const error = await rejection(api.say(value));
      t.is(error.code, 'SERIALIZATION');
      t.is(error.outcome, 'not-executed');
      t.true(error.message.includes('.a.f'), error.message);
    }
    t.is((await rejection(api.say(cycle))).code, 'SERIALIZATION');
    t.is(node.stats().pendingCalls, 0);
  });

  promised('what the caller changes after sending does not change what is handled', async (t, stage) => {
    const seen: unknown[] = [];
    const list = contract('list', { methods: { note: { input: z.any() } } });
    const node = await stage.serving(actor(list, { note: (value) => void seen.push(value) }));
    const input = { nested: { count: 1 }, bytes: Buffer.from('abc') };
    const told = node.client(list).note.cast(input);
    input.nested.count = 2;
    input.bytes.fill('x');
    await told;
    await until('the cast to be handled', () => seen.length === 1);
    const [{ nested, bytes }] = seen as [typeof input];
    t.is(nested.count, 1);
    t.is(Buffer.from(bytes).toString(), 'abc');
  });
}
