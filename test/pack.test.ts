/** The packages as npm would publish them, used by programs that have nothing but them and what they declare to need. */
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { removeNamespace } from './support/clean.ts';
import { PACKAGES, PackedProject } from './support/packed.ts';

const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
const { REDIS_URL, ...environment } = process.env;
const onRedis = REDIS_URL === undefined ? test.serial.skip : test.serial;
const NAMESPACE = `pack-${process.pid}`;

const ACTOR = `
import { actor, contract } from 'homeostat';
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { z } from 'zod';

export const sums = contract('sums', {
  methods: {
    add: { input: z.array(z.number()), output: z.object({ sum: z.number(), threaded: z.boolean() }) },
    note: { input: z.string() },
  },
});

export default actor(sums, {
  add: (numbers) => ({ sum: numbers.reduce((sum, number) => sum + number, 0), threaded: !isMainThread }),
  note: (text) => void writeSync(1, text + '\\n'), // at once, from a thread as well
});
`;

const PROGRAM = `
import { createNode } from 'homeostat';
import { sums } from './sums.actor.js';

const [pool, redis] = process.argv.slice(2);
const warnings = [];
const log = { trace() {}, debug() {}, info() {}, error: console.error, warn: (facts, text) => warnings.push(text) };
log.child = () => log;
const node = await createNode({ namespace: '${NAMESPACE}', log, ...(redis && { redis }) });
await node.serve(new URL('./sums.actor.js', import.meta.url), { pool, ...(pool === 'threads' && { threads: 1 }) });
const api = node.client(sums, { timeoutMs: 20_000 });
console.log(JSON.stringify(await api.add([1, 2, 3])));
const refused = await api.add.try(['one']);
console.log(refused.ok ? 'accepted' : refused.error.code);
await api.note.cast('noted');
while ((await node.depth(sums)).messages > 0) await new Promise((resolve) => setTimeout(resolve, 5));
await node.close();
console.log(JSON.stringify(warnings));
`;

/** The comments name what must not compile; tsc complains when it does. */
const TYPED = `
import { actor, contract, createNode, type CallError, type Result } from 'homeostat';
import { memory, type Backend } from '@homeostat/core';
import type { Broker } from '@homeostat/core/backend';
import { redis } from '@homeostat/redis';
import { faulty, virtualClock, waitFor } from 'homeostat/testing';
import { z } from 'zod';

const users = contract('users', {
  methods: {
    find: { input: z.object({ id: z.number() }), output: z.string(), errors: { GONE: z.object({ since: z.number() }) } },
    drop: { input: z.object({ id: z.number() }) },
    count: { output: z.number(), kind: 'query' },
  },
});
const served = actor(users, {
  find: ({ id }, ctx) => {
    if (id === 0) throw ctx.fail('GONE', { since: 1 });
    // @ts-expect-error no such error
    if (id === 1) throw ctx.fail('AWAY', {});
    return String(id);
  },
  drop: () => {},
  count: async () => 1,
});
// @ts-expect-error drop and count are missing
actor(users, { find: () => '' });

await using node = await createNode({ backend: memory(), name: 'typed' });
await node.serve(served);
const api = node.client(users, { timeoutMs: 1_000 });
const found: string = await api.find({ id: 2 });
const counted: number = await api.count();
// @ts-expect-error an id is a number
await api.find({ id: 'two' }).catch(() => {});
// @ts-expect-error a call has no delay
await api.find({ id: 2 }, { delayMs: 1 }).catch(() => {});
await api.drop.cast({ id: 2 }, { delayMs: 1, key: 'user:2' });
const tried: Result<string, CallError<(typeof users.methods)['find']>> = await api.find.try({ id: 0 });
if (!tried.ok && tried.error.code === 'GONE') {
  const since: number = tried.error.details.since;
  console.log(since);
}
const { one, two } = await node.batch({ one: api.count(), two: () => api.find({ id: 1 }) });
const backend: Backend = redis({ url: 'redis://localhost:6379', lanes: 1 });
export const kept: [typeof one, typeof two, string, number, Backend, Broker | undefined] = [one, two, found, counted, backend, undefined];
export { faulty, virtualClock, waitFor };
`;

let project: PackedProject;

test.before(async () => {
  project = await PackedProject.create();
  await project.write('sums.actor.js', ACTOR);
  await project.write('program.js', PROGRAM);
});
test.after.always(async () => {
  await project?.remove();
  if (REDIS_URL !== undefined) await removeNamespace(REDIS_URL, NAMESPACE);
});

function lines(pool: 'async' | 'threads'): string[] {
  return [JSON.stringify({ sum: 6, threaded: pool === 'threads' }), 'VALIDATION', 'noted', '[]'];
}

for (const pool of ['async', 'threads'] as const) {
  test.serial(`a JavaScript program on the packed packages calls and casts on memory, pool ${pool}`, async (t) => {
    const { code, output } = await project.node(['program.js', pool], environment);
    t.deepEqual(output.trim().split('\n'), lines(pool));
    t.is(code, 0);
  });

  onRedis(`a JavaScript program on the packed packages calls and casts on Redis, pool ${pool}`, async (t) => {
    const { code, output } = await project.node(['program.js', pool, REDIS_URL!], environment);
    t.deepEqual(output.trim().split('\n'), lines(pool));
    t.is(code, 0);
  });
}

test.serial(
  'a strict TypeScript program type-checks against the packed packages, and its mistakes do not',
  async (t) => {
    await project.write('typed.ts', TYPED);
    const options = { strict: true, module: 'nodenext', target: 'es2023', types: ['node'], noEmit: true };
    const compilerOptions = { ...options, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
    await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
    const { code, output } = await project.node(['node_modules/typescript/bin/tsc', '-p', '.'], environment);
    t.is(output, '');
    t.is(code, 0);
  },
);

test.serial('the packages hold what they need and neither tests nor traces of this machine', async (t) => {
  for (const name of PACKAGES) {
    const folder = project.installed(name);
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const inside = files
      .map((file) => file.slice(folder.length + 1))
      .filter((file) => !file.startsWith('node_modules/'));
    t.true(inside.includes('dist/src/index.js') && inside.includes('dist/src/index.d.ts'), name);
    t.deepEqual(
      inside.filter((file) => /(^|\/)test\/|\.test\.|\.tsbuildinfo|\.py$/.test(file)),
      [],
      name,
    );
    for (const file of files) t.false((await readFile(file, 'utf8')).includes(root), file);
    if (name === '@homeostat/redis') {
      t.true(inside.includes('dist/src/beat.thread.js'));
      t.true(inside.filter((file) => /^lua\/[a-z]+\.lua$/.test(file)).length > 10);
    }
    if (name === '@homeostat/core') t.true(inside.includes('dist/src/serving/pools/thread.js'));
  }
});

onRedis('where a bundler left the beat thread out, the node says so and beats on its main thread', async (t) => {
  const damaged = await project.copy();
  t.teardown(() => damaged.remove());
  await rm(join(damaged.installed('@homeostat/redis'), 'dist/src/beat.thread.js'));
  const { code, output } = await damaged.node(['program.js', 'async', REDIS_URL!], environment);
  const told = output.trim().split('\n');
  t.deepEqual(told.slice(0, -1), lines('async').slice(0, -1));
  t.regex(told.at(-1)!, /^\["the beat thread cannot run; beating on the main thread[^"]*beat\.thread\.js[^"]*"\]$/);
  t.is(code, 0);
});

test.serial('where a bundler left the pool thread out, serving with threads says which file is missing', async (t) => {
  const damaged = await project.copy();
  t.teardown(() => damaged.remove());
  await rm(join(damaged.installed('@homeostat/core'), 'dist/src/serving/pools/thread.js'));
  const { code, output } = await damaged.node(['program.js', 'threads'], environment);
  t.regex(output, /code: 'CONFIG'/);
  t.regex(
    output,
    /workerFile: there is no file .*\/serving\/pools\/thread\.js\. .*emit its dist\/src\/serving\/pools\/thread\.js/,
  );
  t.not(code, 0);
});
