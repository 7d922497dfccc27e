import test from 'ava';
import { sourcesSchema } from '../src/alerts/sources/options.ts';
import { z } from 'zod';
import { actor, isActor } from '../src/contract/actor.ts';
import { contract, mailboxOf } from '../src/contract/contract.ts';
import { ConfigError } from '../src/ground/errors.ts';
import { actorOptionsSchema, nodeSettingsSchema } from '../src/node/options.ts';
import { parseOptions } from '../src/ground/parse-options.ts';
import { serveOptions } from '../src/serving/serve.ts';

const methods = { get: { input: z.number() } };
const things = contract('things', { version: '2.3.4', methods });

test('a contract knows its mailbox: its name and its major version', (t) => {
  t.is(things.mailbox, 'things@2');
  t.is(contract('things', { methods }).mailbox, 'things@1');
  t.is(mailboxOf('a', '10.0.0'), 'a@10');
  t.true(Object.isFrozen(things));
  t.true(Object.isFrozen(things.methods));
});

test('a contract that is wrong says where', (t) => {
  const schema = z.number();
  const wrong: [() => unknown, RegExp][] = [
    [() => contract('Things', { methods }), /contract name "Things"/],
    [() => contract('', { methods }), /contract name ""/],
    [() => contract('a'.repeat(65), { methods }), /contract name/],
    [() => contract('a{b}', { methods }), /contract name/],
    [() => contract('things', { version: '1', methods }), /contract things: version "1" must be like 1\.2\.3/],
    [() => contract('things', { version: '01.0.0', methods }), /version/],
    [() => contract('things', { version: '123456.0.0', methods }), /version/],
    [() => contract('things', { methods: {} }), /contract things: methods/],
    [() => contract('things', { methods: { '1st': {} } }), /methods\.1st/],
    // oxlint-disable-next-line unicorn/no-thenable -- that is why it is refused
    [() => contract('things', { methods: { then: {} } }), /methods\.then/],
    [() => contract('things', { methods: { constructor: {} } }), /methods\.constructor/],
    [
      () => contract('things', { methods: { get: { input: {} as typeof schema } } }),
      /methods\.get\.input must be a Standard Schema/,
    ],
    [() => contract('things', { methods: { get: { output: 7 as unknown as typeof schema } } }), /methods\.get\.output/],
    [
      () => contract('things', { methods: { get: { output: schema, yields: schema } } }),
      /methods\.get\.yields stands beside output/,
    ],
    [() => contract('things', { methods: { get: { yields: 7 as unknown as typeof schema } } }), /methods\.get\.yields/],
    [
      () => contract('things', { methods: { get: { errors: { NO: {} as typeof schema } } } }),
      /methods\.get\.errors\.NO/,
    ],
  ];
  for (const [act, message] of wrong) t.throws(act, { instanceOf: ConfigError, message, code: 'CONFIG' } as object);
});

test('what a contract says under a name that there is not would not be done: it is refused, with the names there are', (t) => {
  const unknown =
    (spec: object): (() => unknown) =>
    () =>
      contract('things', spec as { methods: typeof methods });
  const wrong: [() => unknown, RegExp][] = [
    [unknown({ methods, method: {} }), /contract things: method is not known; there are version, state, methods/],
    [unknown({ methods: { get: { ouput: z.number() } } }), /methods\.get\.ouput is not known; there are input, output/],
    [unknown({ methods: { get: { yield: z.number() } } }), /methods\.get\.yield is not known/],
    [unknown({ methods: { get: { timeout: 5 } } }), /methods\.get\.timeout is not known; .*timeoutMs/],
    [unknown({ methods: { get: { kind: 'read' } } }), /methods\.get\.kind: Invalid option/],
    [unknown({ methods: { get: { cache: true } } }), /methods\.get\.cache: only answers of a query/],
    [unknown({ methods: { get: { cacheKey: 'id' } } }), /methods\.get\.cacheKey: must be a function/],
    [unknown({ ...things, colour: 'red' }), /contract things: colour is not known/],
    [unknown({}), /contract things: methods must name at least one method/],
  ];
  for (const [act, message] of wrong) t.throws(act, { instanceOf: ConfigError, message, code: 'CONFIG' } as object);
  t.is(contract('things', { ...things, version: '3.0.0' }).mailbox, 'things@3');
});

test('an actor has a handler for each method of its contract, and no other', (t) => {
  const served = actor(things, { get: () => undefined });
  t.true(isActor(served));
  t.true(Object.isFrozen(served));
  t.throws(() => actor(things, {} as { get: () => undefined }), {
    instanceOf: ConfigError,
    message: /actor things: handlers\.get is missing/,
  });
  const extra = { get: () => undefined, put: () => undefined };
  t.throws(() => actor(things, extra), {
    instanceOf: ConfigError,
    message: /actor things: handlers\.put is not in the contract/,
  });
  for (const value of [undefined, null, 1, {}, { contract: {} }, things, { contract: things, handlers: {} }])
    t.false(isActor(value));
});

test('an actor without options has the defaults', (t) => {
  t.deepEqual(actor(things, { get: () => undefined }).policy, {
    concurrency: 64,
    maxLength: 1_000_000,
    maxBytes: 1_073_741_824,
    maxRunMs: 300_000,
    redelivery: { deliveries: 3, delayMs: 1_000, maxDelayMs: 60_000 },
  });
  t.is(actor(things, { get: () => undefined }, { redelivery: { deliveries: 5 } }).policy.redelivery.delayMs, 1_000);
});

test('an actor option that is wrong is named by its path', (t) => {
  const wrong: [object, RegExp][] = [
    [{ concurrency: 0 }, /actor things: options\.concurrency/],
    [{ concurrency: 1.5 }, /options\.concurrency/],
    [{ maxLength: 0 }, /options\.maxLength/],
    [{ maxDead: 0 }, /options\.maxDead/],
    [{ redelivery: { deliveries: 0 } }, /options\.redelivery\.deliveries/],
    [{ redelivery: { delay: 5 } }, /options\.redelivery.*delay/],
    [{ maxRun: 1 }, /options.*maxRun/],
    [{ maxRunMs: 3e9 }, /options\.maxRunMs/],
  ];
  for (const [options, message] of wrong) {
    t.throws(
      () => actor(things, { get: () => undefined }, options),
      { instanceOf: ConfigError, message },
      JSON.stringify(options),
    );
  }
});

test('every wrong option is named at once', (t) => {
  const { message } = t.throws(() => parseOptions(actorOptionsSchema, { concurrency: 0, maxBytes: -1 }, 'x'), {
    instanceOf: ConfigError,
  });
  t.regex(message, /x\.concurrency: .*; x\.maxBytes: /);
});

test('a node without settings has the defaults', (t) => {
  const { alerts, ...policy } = parseOptions(nodeSettingsSchema, {}, 'createNode');
  t.deepEqual(alerts, { policy: {}, sources: parseOptions(sourcesSchema, {}, 'alerts.sources') });
  t.deepEqual(policy, {
    name: 'node',
    namespace: 'homeostat',
    signals: true,
    drainMs: 10_000,
    timeoutMs: 30_000,
    maxBodyBytes: 1024 * 1024 + 1024,
    defaults: {},
    services: {},
    profiles: {},
    tags: [],
    meta: {},
    weight: 1,
    requires: [],
    requiresTimeoutMs: 30_000,
    maxStaleMs: 10_000,
    beat: { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 },
  });
});

test('how an actor is served is checked', (t) => {
  t.is(serveOptions({}, things).pool, 'async');
  t.true(serveOptions({}, things).threads >= 1);
  const module = new URL('file:///x.js');
  t.is(serveOptions({ pool: 'threads', threads: 3 }, module).module, module);
  for (const options of [
    { threads: 0 },
    { pool: 'processes' },
    { thread: 1 },
    { maxHeapMb: 1.5 },
    { recycleAfter: 0 },
  ]) {
    t.throws(
      () => serveOptions(options as object, module),
      { instanceOf: ConfigError, message: /^serve/ },
      JSON.stringify(options),
    );
  }
  t.throws(() => serveOptions({ pool: 'threads' }, things), { instanceOf: ConfigError, message: /URL of a module/ });
});
