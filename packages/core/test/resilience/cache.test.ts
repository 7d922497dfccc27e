import test from 'ava';
import { ActorError, CallTimeout, HomeostatError } from '../../src/ground/errors.ts';
import { DEFAULT_CACHE, type CachePolicy } from '../../src/policies/service-settings.ts';
import type { PipelineNeeds, PipelinePolicy } from '../../src/resilience/pipeline.ts';
import type { Request, Send } from '../../src/resilience/request.ts';
import { broken, NOTHING, outcomeOf, pipeline, ResilienceHouse, times } from './house.ts';

/** A service that says how often it was asked. */
function counted(
  house: ResilienceHouse,
  answer: (runs: number) => unknown = (runs) => ({ runs }),
  ms = 0,
): { send: Send; runs: number } {
  const service = {
    runs: 0,
    send: async (): Promise<unknown> => {
      service.runs += 1;
      const { runs } = service;
      if (ms > 0) await new Promise<void>((resolve) => house.clock.setTimer(ms, resolve));
      return answer(runs);
    },
  };
  return service;
}

function cached(
  house: ResilienceHouse,
  send: Send,
  fields: Partial<CachePolicy> = {},
  more: Partial<PipelinePolicy> = {},
  needs: PipelineNeeds = house.node(),
): (input: unknown, own?: Partial<Request>) => Promise<unknown> {
  const chain = pipeline({ ...NOTHING, cache: { ...DEFAULT_CACHE, ...fields }, ...more }, needs, send);
  return (input, own) => chain(house.request({ input, ...own }));
}

test('the second identical call, from another node, does not run the handler (S1-43)', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house);
  t.deepEqual(await cached(house, service.send)({ id: 1, page: 2 }), { runs: 1 });
  const request = house.request({ input: { page: 2, id: 1 } });
  const chain = pipeline({ ...NOTHING, cache: DEFAULT_CACHE }, house.node(), service.send);
  t.deepEqual(await chain(request), { runs: 1 });
  t.is(request.degraded, 'cache');
  t.is(request.attempts, 0);
  t.deepEqual(await cached(house, service.send)({ id: 2, page: 2 }), { runs: 2 });
  await house.clock.advance(60_000);
  t.deepEqual(await cached(house, service.send)({ id: 1, page: 2 }), { runs: 3 });
});

test('varyOn leaves the other fields out (S1-43)', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house);
  const get = cached(house, service.send, { varyOn: ['category', 'limit'] });
  await get({ category: 'a', limit: 1, trace: 'x' });
  t.deepEqual(await get({ category: 'a', limit: 1, trace: 'y' }), { runs: 1 });
  t.deepEqual(await get({ category: 'b', limit: 1, trace: 'y' }), { runs: 2 });
});

test('a hundred misses at once run the handler once, on one node or on ten (S1-43, S4-25)', async (t) => {
  for (const nodes of [1, 10]) {
    const house = new ResilienceHouse();
    const service = counted(house, undefined, 50);
    const gets = Array.from({ length: nodes }, () => cached(house, service.send));
    const answers = Promise.all(Array.from({ length: 100 }, (_, index) => gets[index % nodes]!({ id: 1 })));
    await house.clock.advance(1_000);
    const values = await answers;
    t.deepEqual(values, times(100, { runs: 1 }));
    t.is(service.runs, 1);
    t.is(new Set(values).size, 100, 'to each its own');
  }
});

test('an error is shared by those who wait, and kept only when a time is set (S4-25)', async (t) => {
  const house = new ResilienceHouse();
  const missing = (): never => {
    throw new ActorError('NOT_FOUND', 'none', { details: { id: 1 } });
  };
  const service = counted(house, missing, 10);
  const get = cached(house, service.send);
  const answers = Promise.all(Array.from({ length: 10 }, () => outcomeOf(get({ id: 1 }))));
  await house.clock.advance(100);
  t.true((await answers).every((error) => (error as HomeostatError).code === 'NOT_FOUND'));
  t.is(service.runs, 1);
  void outcomeOf(get({ id: 1 }));
  await house.clock.advance(100);
  t.is(service.runs, 2);

  const keeping = counted(house, missing);
  const kept = cached(house, keeping.send, { errorsTtlMs: 1_000 });
  await outcomeOf(kept({ id: 2 }));
  const error = (await outcomeOf(kept({ id: 2 }))) as HomeostatError;
  t.is(keeping.runs, 1);
  t.like(error, { code: 'NOT_FOUND', message: 'none', outcome: 'failed', retryable: false });
  t.deepEqual(error.details, { id: 1 });
  await house.clock.advance(1_000);
  await outcomeOf(kept({ id: 2 }));
  t.is(keeping.runs, 2);
});

test('what no handler said is never kept', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house, () => {
    throw new CallTimeout('users.get', 10);
  });
  const get = cached(house, service.send, { errorsTtlMs: 1_000 });
  for (let index = 0; index < 3; index += 1) await outcomeOf(get({}));
  t.is(service.runs, 3);
});

test('refresh asks the service and keeps what it says (S1-44)', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house);
  const get = cached(house, service.send);
  await get({ id: 1 });
  t.deepEqual(await get({ id: 1 }), { runs: 1 });
  t.deepEqual(await cached(house, service.send, {}, { cacheMode: 'refresh' })({ id: 1 }), { runs: 2 });
  t.deepEqual(await get({ id: 1 }), { runs: 2 });
});

test('one key is forgotten, the others stay; a prefix takes all that begin with it (S1-44)', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house);
  const needs = house.node();
  const cacheKey = (input: unknown): string => `product:${(input as { id: number }).id}`;
  const get = cached(house, service.send, {}, { cacheKey }, needs);
  for (const id of [123, 1234, 7]) await get({ id });
  t.is(service.runs, 3);
  t.is(await needs.caching.invalidate('users', 'product:123'), 1);
  for (const id of [123, 1234, 7]) await get({ id });
  t.is(service.runs, 4);
  t.is(await needs.caching.invalidate('users', { prefix: 'product:12' }), 2);
  t.is(await needs.caching.invalidate('users', { prefix: '' }), 1);
});

test('methods, majors and keys never share an answer, even under one key', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house);
  const get = cached(house, service.send, {}, { cacheKey: () => 'same' });
  for (const own of [{}, { method: 'find' }, { mailbox: 'users@2' }, { key: 'ann' }]) await get({}, own);
  t.is(service.runs, 4);
});

test('values arrive as they would by message', async (t) => {
  const house = new ResilienceHouse();
  for (const value of [undefined, null, 0, 'x', { error: null }, new Date(7), 12n ** 12n, Buffer.of(1, 2), [[]]]) {
    const service = counted(house, () => value);
    const get = cached(house, service.send, {}, { cacheKey: () => 'k' });
    t.deepEqual(await get({}), value);
    t.deepEqual(await get({}), value);
    t.is(service.runs, 1);
    await house.node().caching.invalidate('users', { prefix: '' });
  }
});

test('what a fallback said is never kept, and speaks for its own caller only', async (t) => {
  const house = new ResilienceHouse();
  const needs = house.node();
  const send = async (): Promise<never> => {
    await new Promise<void>((resolve) => house.clock.setTimer(10, resolve));
    throw broken;
  };
  const standing = cached(house, send, {}, { fallback: () => 'instead' }, needs);
  const plain = cached(house, send, {}, {}, needs);
  const answers = [standing({}), outcomeOf(plain({}))];
  await house.clock.advance(100);
  t.deepEqual(await Promise.all(answers), ['instead', broken]);
  const later = outcomeOf(plain({}));
  await house.clock.advance(100);
  t.is(await later, broken);
});

test('without the backend every call goes to the service', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house);
  const get = cached(house, service.send);
  house.cacheAway = true;
  t.deepEqual(await get({}), { runs: 1 });
  t.deepEqual(await get({}), { runs: 2 });
  house.cacheAway = false;
  t.deepEqual(await get({}), { runs: 3 });
  t.deepEqual(await get({}), { runs: 3 });
});

test('the one who fills may lose interest: the others go on', async (t) => {
  const house = new ResilienceHouse();
  const controller = new AbortController();
  let runs = 0;
  const send: Send = ({ signal }) => {
    runs += 1;
    return signal === undefined
      ? Promise.resolve('fine')
      : new Promise((_, reject) => signal.addEventListener('abort', () => reject(new HomeostatError('ABORTED', 'x'))));
  };
  const get = cached(house, send);
  const first = outcomeOf(get({}, { signal: controller.signal }));
  const others = [get({}), get({})];
  await house.clock.advance(10);
  controller.abort();
  await house.clock.advance(100);
  t.is(((await first) as HomeostatError).code, 'ABORTED');
  t.deepEqual(await Promise.all(others), ['fine', 'fine']);
  t.is(runs, 2);
});

test('whoever waits does so until its own deadline', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house, undefined, 5_000);
  const [here, there] = [cached(house, service.send), cached(house, service.send)];
  void here({});
  await house.clock.advance(1);
  const deadline = house.clock.now() + 100;
  const answers = [here, there].map((get) => outcomeOf(get({}, { deadline })));
  await house.clock.advance(200);
  for (const error of await Promise.all(answers)) t.like(error, { code: 'CALL_TIMEOUT', outcome: 'not-executed' });
  t.is(service.runs, 1);
});

test('what somebody else put there is taken for a miss and replaced', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house);
  const get = cached(house, service.send, {}, { cacheKey: () => 'k' });
  for (const body of [
    Uint8Array.of(),
    Uint8Array.of(0xc1),
    Uint8Array.of(0x81, 0xa1),
    Buffer.from('\x93\x01\x02\x03', 'latin1'),
  ]) {
    house.cacheBook.put({ space: 'users', key: 'k\nusers.get/get', body, ttlMs: 60_000, maxEntries: 10 });
    const before = service.runs;
    t.deepEqual(await get({}), { runs: before + 1 });
    t.deepEqual(await get({}), { runs: before + 1 });
  }
  t.is(house.lines.filter(({ evt }) => evt === 'cache_entry_invalid').length, 4);
});

test('commands are not kept, nor what cannot travel', async (t) => {
  const house = new ResilienceHouse();
  const service = counted(house, () => () => 1);
  const get = cached(house, service.send);
  await get({}, { kind: 'command' });
  await get({}, { kind: 'command' });
  await get({});
  await get({});
  t.is(service.runs, 4);
  t.like(await outcomeOf(get({ fn: () => broken })), { code: 'SERIALIZATION' });
});
