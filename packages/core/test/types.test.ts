import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { z } from 'zod';
import { actor } from '../src/contract/actor.ts';
import type { Client } from '../src/calling/client.ts';
import { contract, type Input, type Item, type Output, type ParsedInput } from '../src/contract/contract.ts';
import { createNode } from '../src/node/create-node.ts';
import type { ActorNode } from '../src/node/node.ts';

const User = z.object({ id: z.number(), name: z.string() });
const users = contract('user-service', {
  methods: {
    get: { input: z.object({ id: z.number() }), output: User, kind: 'query' },
    create: {
      input: z.object({ email: z.string() }),
      output: User,
      errors: { EMAIL_TAKEN: z.object({ email: z.string() }), QUOTA: z.object({ left: z.number() }) },
    },
    touch: { input: z.object({ id: z.number() }) },
    ping: {},
    list: {
      input: z.object({ limit: z.number().default(10), since: z.string().transform((text) => new Date(text)) }),
      output: z.array(User),
    },
    find: { input: z.string().optional(), output: User.nullable() },
  },
});
type Users = typeof users.methods;

/** Compiles only when both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <_Holds extends true>(): void => undefined;

test('input and output are inferred both ways, before and after parsing', (t) => {
  same<Same<Input<Users['get']>, { id: number }>>();
  same<Same<Output<Users['get']>, { id: number; name: string }>>();
  same<Same<Input<Users['list']>, { since: string; limit?: number | undefined }>>();
  same<Same<ParsedInput<Users['list']>, { limit: number; since: Date }>>();
  same<Same<Output<Users['touch']>, undefined>>();
  same<Same<Input<Users['ping']>, undefined>>();
  // What the types say of `list` is what its schema does.
  const sent: Input<Users['list']> = { since: '2026-01-01T00:00:00Z' };
  const parsed: ParsedInput<Users['list']> = users.methods.list.input.parse(sent);
  t.deepEqual(parsed, { limit: 10, since: new Date(sent.since) });
});

const bank = contract('bank', {
  state: z.object({ balance: z.number(), notes: z.array(z.string()).default([]) }),
  methods: { add: { input: z.number() } },
});

test('what a keyed actor keeps is typed by the schema of its contract, and nothing is where there is none', (t) => {
  actor(
    bank,
    {
      add: (n, ctx) => {
        same<Same<typeof ctx.key, string>>();
        const state = ctx.state.get();
        same<Same<typeof state, { balance: number; notes: string[] } | undefined>>();
        ctx.state.set({ balance: n });
        // @ts-expect-error: the schema asks for a number
        ctx.state.set({ balance: 'much' });
      },
    },
    { keyed: {} },
  );
  actor(contract('plain', { methods: { add: {} } }), {
    add: (_input, ctx) => {
      same<Same<typeof ctx.key, string | undefined>>();
      same<Same<typeof ctx.state, undefined>>();
    },
  });
  t.pass();
});

/** Never runs: it is here to be compiled. */
async function requests(node: ActorNode, api: Client<Users>): Promise<void> {
  const user = await api.get({ id: 1 });
  same<Same<typeof user, { id: number; name: string }>>();
  const nothing = await api.ping();
  same<Same<typeof nothing, undefined>>();
  const found = await api.find();
  same<Same<typeof found, { id: number; name: string } | null>>();
  await api.find('x', { timeoutMs: 5 });
  await api.ping(undefined, { key: 'k' });
  await api.ping.cast();
  await api.list({ since: '2026-01-01' });
  const told = await api.get.cast({ id: 1 }, { delayMs: 5 });
  same<Same<typeof told, void>>();

  // Wrong input.
  // @ts-expect-error id is a number
  await api.get({ id: '1' });
  // @ts-expect-error id is missing
  await api.get({});
  // @ts-expect-error an input is needed
  await api.get();
  // @ts-expect-error no such field
  await api.get({ id: 1, name: 'x' });
  // @ts-expect-error what is sent is the text, not what it is parsed to
  await api.list({ since: new Date() });
  // @ts-expect-error a cast is checked as a call is
  await api.touch.cast({ id: 'x' });
  // @ts-expect-error so is try
  await api.touch.try({});

  // Unknown methods and options.
  // @ts-expect-error no such method
  await api.remove({ id: 1 });
  // @ts-expect-error no such option
  await api.get({ id: 1 }, { timeOutMs: 5 });
  // @ts-expect-error only casts can be delayed
  await api.get({ id: 1 }, { delayMs: 5 });
  // @ts-expect-error no such option of a node
  await createNode({ nme: 'x' });

  // Wrong use of the answer.
  // @ts-expect-error an answer has no such field
  use(user.email);

  // Results and errors.
  const result = await api.create.try({ email: 'a@b.c' });
  if (result.ok) {
    same<Same<typeof result.value, { id: number; name: string }>>();
  } else if (result.error.code === 'EMAIL_TAKEN') {
    same<Same<typeof result.error.details, { email: string }>>();
    // @ts-expect-error those are the details of another error
    use(result.error.details.left);
  } else if (result.error.code === 'QUOTA') {
    same<Same<typeof result.error.details, { left: number }>>();
  } else if (result.error.code === 'CALL_TIMEOUT') {
    same<Same<typeof result.error.retryable, boolean>>();
    // @ts-expect-error nobody declares that one
  } else if (result.error.code === 'NOBODY_DECLARES_THIS') {
    use(result);
  }

  const list = await node.batch([api.get({ id: 1 }), () => api.ping()], { concurrency: 2 });
  const [first, second] = list;
  if (first.ok) same<Same<typeof first.value, { id: number; name: string }>>();
  if (second.ok) same<Same<typeof second.value, undefined>>();
  const many = await node.batch([1, 2].map((id) => () => api.get({ id })));
  for (const one of many) if (one.ok) same<Same<typeof one.value, { id: number; name: string }>>();
  // @ts-expect-error what is no promise and makes none is no part of a batch
  await node.batch([1]);

  const named = node.client('user-service@2', { timeoutMs: 5 });
  const unknown = await named.call('get', { id: 1 });
  same<Same<typeof unknown, unknown>>();
  // @ts-expect-error without its contract nothing is known of its methods
  await named.get({ id: 1 });

  const batch = await node.batch({
    one: api.get({ id: 1 }),
    two: () => api.list({ since: 'x' }),
    three: api.touch.cast({ id: 1 }),
  });
  if (batch.one.ok) same<Same<typeof batch.one.value, { id: number; name: string }>>();
  if (batch.two.ok) same<Same<typeof batch.two.value, { id: number; name: string }[]>>();
  if (batch.three.ok) same<Same<typeof batch.three.value, void>>();
  // @ts-expect-error no such part
  use(batch.four);
}

const feeds = contract('feeds', {
  methods: {
    rows: { input: z.object({ year: z.number() }), yields: z.string().transform(Number) },
    all: { yields: User },
  },
});

/** Never runs: streams are read, and neither tried nor cast. */
async function streams(api: Client<typeof feeds.methods>): Promise<void> {
  same<Same<Item<(typeof feeds.methods)['rows']>, number>>();
  for await (const row of api.rows({ year: 2026 }, { timeoutMs: 5, deadline: 5, orphan: 'skip' }))
    same<Same<typeof row, number>>();
  for await (const { name } of api.all()) same<Same<typeof name, string>>();
  await using all = api.all();
  const step = await all.next();
  if (step.done !== true) same<Same<typeof step.value, { id: number; name: string }>>();
  // @ts-expect-error a stream is no promise
  await api.all().then();
  // @ts-expect-error nor is it tried
  await api.all.try();
  // @ts-expect-error nor told
  await api.all.cast();
  // @ts-expect-error wrong input
  api.rows({ year: '2026' });
  // @ts-expect-error streams are not kept
  api.all(undefined, { cache: true });
  actor(feeds, {
    async *rows({ year }, ctx) {
      if (ctx.signal.aborted) return;
      yield String(year);
    },
    async *all() {
      yield { id: 1, name: 'x' };
    },
  });
  actor(feeds, {
    // @ts-expect-error wrong item: it is parsed to a number, not yielded as one
    async *rows() {
      yield 1;
    },
    // @ts-expect-error no stream
    all: async () => ({ id: 1, name: 'x' }),
  });
}

function use(_value: unknown): void {}

/** Never runs either: handlers that fit, and each way not to. */
function handlers(): void {
  const fitting = {
    get: ({ id }: { id: number }) => ({ id, name: 'x' }),
    touch: () => undefined,
    ping: async () => undefined,
    find: () => null,
  };
  actor(users, {
    ...fitting,
    create: async (input, ctx) => {
      same<Same<typeof input, { email: string }>>();
      if (input.email === '') throw ctx.fail('QUOTA', { left: 1 });
      // @ts-expect-error undeclared error code
      if (input.email === 'a') throw ctx.fail('NOT_DECLARED', {});
      // @ts-expect-error wrong details
      if (input.email === 'b') throw ctx.fail('EMAIL_TAKEN', { left: 1 });
      const nested = await ctx.client(users).get({ id: 1 });
      same<Same<typeof nested, { id: number; name: string }>>();
      throw ctx.fail('EMAIL_TAKEN', { email: input.email }, 'taken');
    },
    list: ({ limit, since }) => {
      same<Same<typeof limit, number>>();
      same<Same<typeof since, Date>>();
      return [];
    },
  });
  actor(users, {
    ...fitting,
    create: () => fitting.get({ id: 1 }),
    list: () => [],
    // @ts-expect-error a method without declared errors has none to raise
    touch: (_input, ctx) => void ctx.fail('ANY', {}),
  });
  // @ts-expect-error handlers.list is missing
  actor(users, { ...fitting, create: () => fitting.get({ id: 1 }) });
  // @ts-expect-error wrong output
  actor(users, { ...fitting, create: () => ({ id: 'x', name: 'y' }), list: () => [] });
  // @ts-expect-error output missing
  actor(users, { ...fitting, create: () => undefined, list: () => [] });
  // @ts-expect-error no such method
  actor(users, { ...fitting, create: () => fitting.get({ id: 1 }), list: () => [], remove: () => undefined });
  // @ts-expect-error no such option
  actor(users, { ...fitting, create: () => fitting.get({ id: 1 }), list: () => [] }, { concurency: 1 });
}

test('calls, results and handlers are checked by the compiler', (t) => {
  t.deepEqual(
    [requests, handlers, streams].map((compiled) => typeof compiled),
    ['function', 'function', 'function'],
  );
});

/** Each alone must not compile. The fixture makes them one by one, so that none hides behind another. */
const violations: Readonly<Record<string, string>> = {
  'wrong input': "void api.get({ id: '1' });",
  'missing input': 'void api.get();',
  'unknown method': 'void api.remove({ id: 1 });',
  'unknown option': 'void api.get({ id: 1 }, { timeOutMs: 5 });',
  'wrong use of an answer': 'void api.get({ id: 1 }).then((user) => user.email);',
  'wrong output of a handler': "actor(users, { get: () => ({ id: 'x' }), create });",
  'missing handler': 'actor(users, { create });',
  'unknown handler': 'actor(users, { get, create, remove: () => undefined });',
  'undeclared error code': "actor(users, { get, create: (_input, ctx) => { throw ctx.fail('NOT_DECLARED', {}); } });",
  'wrong details of an error':
    "actor(users, { get, create: (_input, ctx) => { throw ctx.fail('EMAIL_TAKEN', { left: 1 }); } });",
};

const HEAD = `import { z } from 'zod';
import { actor, contract, type Client } from '../../src/index.ts';
const users = contract('users', { methods: {
  get: { input: z.object({ id: z.number() }), output: z.object({ id: z.number() }) },
  create: { errors: { EMAIL_TAKEN: z.object({ email: z.string() }) } },
} });
declare const api: Client<typeof users.methods>;
const get = ({ id }: { id: number }): { id: number } => ({ id });
const create = (): void => undefined;
void api.get({ id: 1 }).then((user) => user.id);
actor(users, { get, create });
`;

test('a program that breaks a contract does not compile', async (t) => {
  t.timeout(60_000);
  // This file runs in dist/test; the fixture lies beside the sources, where their types and zod's are found.
  const root = new URL('../../../..', import.meta.url);
  const fixture = new URL('packages/core/test/fixtures/violations.gen.ts', root);
  const lines = Object.values(violations);
  const firstLine = HEAD.split('\n').length;
  await writeFile(fixture, `${HEAD}${lines.join('\n')}\n`);
  try {
    const { compilerOptions } = JSON.parse(await readFile(new URL('tsconfig.base.json', root), 'utf8')) as {
      compilerOptions: { lib: string[] };
    };
    const flags = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--skipLibCheck',
      '--allowImportingTsExtensions',
      '--ignoreConfig',
    ];
    const options = [
      ...flags,
      '--target',
      'es2023',
      '--lib',
      compilerOptions.lib.join(','),
      '--module',
      'nodenext',
      '--types',
      'node',
      '--pretty',
      'false',
    ];
    const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, ...options, fileURLToPath(fixture)], {
      cwd: fileURLToPath(root),
    }).catch((error: unknown) => error as { stdout: string });
    const wrong = new Set([...stdout.matchAll(/violations\.gen\.ts\((\d+),/g)].map(([, line]) => Number(line)));
    for (const [index, name] of Object.keys(violations).entries())
      t.true(wrong.has(firstLine + index), `${name} should not compile\n${stdout}`);
    t.is(wrong.size, lines.length, `what is right compiles\n${stdout}`);
  } finally {
    await rm(fixture, { force: true });
  }
});
