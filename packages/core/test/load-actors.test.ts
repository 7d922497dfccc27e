import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { contract } from '../src/contract/contract.ts';
import { loadActors, type LoadedActors } from '../src/node/load-actors.ts';
import { serveDirectory, type ServeDirectoryOptions } from '../src/node/serve-directory.ts';
import { createTestNode, waitFor, type TestNode } from '../src/testing/index.ts';

const core = new URL('../src/index.js', import.meta.url).href;
const silent: ServeDirectoryOptions = { log: pino({ level: 'silent' }) };

const serviceOf = (name: string): ReturnType<typeof contract<{ ask: { kind: 'query' } }>> =>
  contract(name, { methods: { ask: { kind: 'query' } } });

/** A module whose actor answers with a text. */
function source(name: string, answer = name, before = ''): string {
  return `${before}
import { actor, contract } from '${core}';
export default actor(contract('${name}', { methods: { ask: { kind: 'query' } } }), { ask: async () => '${answer}' });
`;
}

class Folder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.path, file), text);
  }

  async remove(file: string): Promise<void> {
    await rm(join(this.path, file));
  }
}

async function folder(t: ExecutionContext): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'homeostat-actors-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return new Folder(path);
}

async function testNode(t: ExecutionContext): Promise<TestNode> {
  const node = await createTestNode();
  t.teardown(() => node.close());
  return node;
}

const ask = (node: TestNode, name: string): Promise<unknown> =>
  node.client(serviceOf(name), { retry: false, timeoutMs: 2_000 }).ask();

const filesOf = ({ actors, broken }: LoadedActors): unknown => ({
  actors: actors.map(({ file, actor }) => [file, actor.contract.name]),
  broken: broken.map(({ file }) => file),
});

test('the actors of a directory are loaded in order of their names, and what is broken is named', async (t) => {
  const here = await folder(t);
  await here.write('two.actor.mjs', source('two'));
  await here.write('one #1.actor.mjs', source('one'));
  await here.write('syntax.actor.mjs', 'export default {');
  await here.write('other.actor.mjs', 'export default { name: "no actor" };');
  await here.write('helper.mjs', 'throw new Error("not asked for")');
  await mkdir(join(here.path, 'folder.actor.mjs'));
  for (const directory of [here.path, `${here.path}/`, pathToFileURL(here.path)]) {
    const loaded = await loadActors(directory);
    t.deepEqual(filesOf(loaded), {
      actors: [
        ['one #1.actor.mjs', 'one'],
        ['two.actor.mjs', 'two'],
      ],
      broken: ['other.actor.mjs', 'syntax.actor.mjs'],
    });
    t.true(loaded.broken.every(({ file, error }) => error.code === 'CONFIG' && error.message.includes(file)));
  }
  await t.throwsAsync(loadActors(join(here.path, 'nowhere')), { code: 'CONFIG', message: /nowhere cannot be read/ });
});

test('of a directory with two actors and a broken file two are served; a file that goes is drained (S2-18)', async (t) => {
  const here = await folder(t);
  await here.write('one.actor.mjs', source('one'));
  await here.write('two.actor.mjs', source('two').replace('async () =>', 'async () => (await globalThis.twoWaits) ??'));
  await here.write('broken.actor.mjs', 'throw new Error("out of order");');
  const node = await testNode(t);
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line) => lines.push(line) });
  await using served = await serveDirectory(node, here.path, { log });
  t.deepEqual(served.files, ['one.actor.mjs', 'two.actor.mjs']);
  t.deepEqual(
    served.broken.map(({ file }) => file),
    ['broken.actor.mjs'],
  );
  t.true(served.broken[0]?.error.message.includes('out of order'));
  t.is(lines.filter((line) => line.includes('actor_broken') && line.includes('"broken.actor.mjs"')).length, 1);
  await Promise.all([ask(node, 'one'), ask(node, 'two')]);

  let open = (): void => undefined;
  Object.assign(globalThis, { twoWaits: new Promise<void>((resolve) => (open = resolve)) });
  const running = ask(node, 'two');
  await waitFor(() => node.stats().inFlight === 1, { withinMs: 5_000, what: 'two to run' });
  await here.remove('two.actor.mjs');
  const reloaded = served.reload();
  await waitFor(() => served.files.length === 1, { withinMs: 5_000, what: 'two to be on its way out' });
  open();
  t.is(await running, 'two', 'what ran has finished');
  await reloaded;
  t.deepEqual(served.files, ['one.actor.mjs']);
  await waitFor(() => node.registry.instances('two').length === 0, { withinMs: 5_000, what: 'two to be gone' });
  await t.throwsAsync(node.client(serviceOf('two'), { failFast: true }).ask(), { code: 'NO_HEALTHY_INSTANCES' });
  await ask(node, 'one');
  t.is(lines.length, 1, 'what is broken and has not changed is said once');
});

test('a file that changed is served anew; where it broke, what ran goes on', async (t) => {
  const here = await folder(t);
  await here.write('one.actor.mjs', source('one', 'first', 'globalThis.loads = (globalThis.loads ?? 0) + 1;'));
  const node = await testNode(t);
  const served = await serveDirectory(node, pathToFileURL(here.path), silent);
  const answer = (): Promise<unknown> => ask(node, 'one');
  t.is(await answer(), 'first');
  await served.reload();
  t.is((globalThis as { loads?: number }).loads, 1, 'what has not changed is not loaded again');

  await here.write('one.actor.mjs', 'export default');
  await served.reload();
  t.deepEqual([served.files, served.broken.map(({ file }) => file)], [['one.actor.mjs'], ['one.actor.mjs']]);
  t.is(await answer(), 'first');

  await here.write('one.actor.mjs', source('one', 'the second'));
  await served.reload();
  t.deepEqual(served.broken, []);
  t.is(await answer(), 'the second');

  await here.remove('one.actor.mjs');
  await served.reload();
  t.deepEqual(served.files, []);
  await here.write('one.actor.mjs', source('one', 'and the third'));
  await served.reload();
  t.is(await answer(), 'and the third');
  await served.close();
  await node.unserve(serviceOf('one'));
});

test('two files with the same actor: the second is broken, until the first is gone', async (t) => {
  const here = await folder(t);
  await here.write('a.actor.mjs', source('same'));
  await here.write('b.actor.mjs', source('same'));
  const node = await testNode(t);
  const served = await serveDirectory(node, here.path, silent);
  t.deepEqual([served.files, served.broken.map(({ file }) => file)], [['a.actor.mjs'], ['b.actor.mjs']]);
  t.regex(served.broken[0]!.error.message, /serves same@1 already/);
  await here.remove('a.actor.mjs');
  await served.reload();
  t.deepEqual([served.files, served.broken], [['b.actor.mjs'], []]);
});

test('a directory that is watched is followed, and threads are served from it', async (t) => {
  const here = await folder(t);
  await here.write('one.actor.mjs', source('one'));
  const node = await testNode(t);
  const served = await serveDirectory(node, here.path, {
    ...silent,
    watch: true,
    serve: (file) => (file.startsWith('one') ? { pool: 'threads', threads: 1, tags: [file.slice(0, 3)] } : {}),
  });
  await ask(node, 'one');
  t.deepEqual(node.registry.instances('one')[0]?.tags, ['one']);
  await here.write('two.actor.mjs', source('two'));
  await here.remove('one.actor.mjs');
  await waitFor(() => served.files.join() === 'two.actor.mjs', { withinMs: 10_000, what: 'the change to be followed' });
  await ask(node, 'two');
  await rm(here.path, { recursive: true });
  await served.close();
  await t.throwsAsync(served.reload(), { code: 'CONFIG' });
  t.deepEqual(served.files, ['two.actor.mjs'], 'what is served stays');
});
