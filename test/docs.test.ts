/** The pages against the house they describe: links, error codes, log events, files, keys and scripts. */
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

async function filesBelow(folder: string, ending: string): Promise<string[]> {
  const found = await readdir(join(root, folder), { recursive: true });
  return found.filter((path) => path.endsWith(ending)).map((path) => join(folder, path));
}

async function sources(): Promise<string[]> {
  const packages = await readdir(join(root, 'packages'));
  const files = (await Promise.all(packages.map((name) => filesBelow(`packages/${name}/src`, '.ts')))).flat();
  // What a suite of tests throws and logs is no promise.
  return files.filter((file) => !file.includes('/testing/'));
}

const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1]!);
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

test('every relative link in README and docs points to something that exists', async (t) => {
  const pages = ['README.md', 'examples/README.md', 'bench/README.md', ...(await filesBelow('docs', '.md'))];
  const broken: string[] = [];
  for (const page of pages) {
    for (const target of matches(await read(page), /\]\(([^)\s]+)\)/g)) {
      if (/^([a-z]+:|#)/.test(target)) continue;
      if (!existsSync(join(root, dirname(page), target.split('#')[0]!))) broken.push(`${page}: ${target}`);
    }
  }
  t.deepEqual(broken, []);
});

test('every page in docs can be reached from README or from another page', async (t) => {
  const pages = await filesBelow('docs', '.md');
  const linked = new Set<string>();
  for (const page of ['README.md', ...pages]) {
    for (const target of matches(await read(page), /\]\(([^)\s#]+)/g)) linked.add(join(dirname(page), target));
  }
  // A link to a folder shows its README.
  if (linked.has('docs/decisions')) linked.add('docs/decisions/README.md');
  t.deepEqual(
    pages.filter((page) => !linked.has(page)),
    [],
  );
});

test('every error code has a row in troubleshooting.md, and no row is stale (S0-45)', async (t) => {
  const rows = matches(await read('docs/troubleshooting.md'), /^\| `([A-Z_]+)` \|/gm);
  const texts = await Promise.all((await sources()).map(read));
  const given = new Set(matches(texts.join('\n'), /'([A-Z]+(?:_[A-Z]+)*)'/g));
  const declared = [
    ...matches(await read('packages/core/src/ground/errors.ts'), /'([A-Z]+(?:_[A-Z]+)*)'/g),
    // Reasons and rare errors are named where they are given.
    ...matches(
      texts.join('\n'),
      /(?:new (?:HomeostatError|ActorError)\(\s*|#refuse\(delivery, |comeBack\([^)]*, )'([A-Z_]+)'/g,
    ),
  ];
  t.deepEqual(
    declared.filter((code) => !rows.includes(code)),
    [],
    'codes without a row',
  );
  t.deepEqual(
    rows.filter((code) => !given.has(code)),
    [],
    'rows without a code',
  );
  t.is(new Set(rows).size, rows.length, 'a code has one row');
});

test('troubleshooting.md lists exactly the events that the log can hold', async (t) => {
  const [, list] = /`evt` in a log line is stable:([^.]+)\./.exec(await read('docs/troubleshooting.md'))!;
  const texts = await Promise.all((await sources()).map(read));
  t.deepEqual(sorted(matches(list!, /`([a-z_]+)`/g)), sorted(matches(texts.join('\n'), /\bevt: '([a-z_]+)'/g)));
});

test('every room of core and every source file of redis is on the map, and everything on the map exists', async (t) => {
  const map = await read('docs/map.md');
  const paths = matches(map, /`([^`\s]+)`/g);
  const named = new Set(paths.map((path) => path.split('/').at(-1)!));
  const houses = ['packages/core/src', 'packages/redis/src', 'packages/homeostat/src'];
  const entries = await Promise.all(houses.map((house) => readdir(join(root, house), { withFileTypes: true })));
  t.deepEqual(
    entries
      .flat()
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .filter((name) => !(name.endsWith('/') ? paths.includes(name) : named.has(name))),
    [],
    'rooms and files that the map does not name',
  );
  const all = [...(await filesBelow('packages', '.ts')), ...(await filesBelow('test', '.test.ts'))];
  const existing = new Set(all.map((path) => path.split('/').at(-1)!));
  t.deepEqual(
    [...named].filter((name) => name.endsWith('.ts') && !name.includes('*') && !existing.has(name)),
    [],
    'names on the map without a file',
  );
});

test('keys.md names the keys that keys.ts makes, and the types they have', async (t) => {
  const rows = (text: string): string[] =>
    [...text.matchAll(/\| `(\{ns[^`]+)` \| ([^|,]+)/g)].map(([, key, type]) => `${key} ${type!.trim()}`);
  t.deepEqual(sorted(rows(await read('docs/keys.md'))), sorted(rows(await read('packages/redis/src/keys.ts'))));
});

test('keys.md names every script, and says rightly which are refused by a full Redis', async (t) => {
  const page = await read('docs/keys.md');
  const scripts = (await readdir(join(root, 'packages/redis/lua'))).filter((file) => file.endsWith('.lua'));
  const truth = await Promise.all(
    scripts.map(async (file) => {
      const [head] = (await read(`packages/redis/lua/${file}`)).split('\n');
      return `${file.slice(0, -4)} ${/allow-oom|no-writes/.test(head!) ? 'no' : 'yes'}`;
    }),
  );
  const said = [...page.matchAll(/^\| ((?:`[a-z]+`(?:, )?)+) \|.*\| (yes|no) \|$/gm)].flatMap(([, names, refused]) =>
    matches(names!, /`([a-z]+)`/g).map((name) => `${name} ${refused}`),
  );
  t.deepEqual(sorted(said), sorted(truth));
});

/** The words of a text that name keys; plurals and other names for a mailbox count as one. */
function keysIn(text: string): string[] {
  const known =
    /^(members|revision|node|sent|serves|inbox|mailbox|stream|level|progress|dead|due|due:frames|due:seq|orphans|layout)(?:es)?$/;
  const words = text.split(/[ ,;.{}|]+/).map((word) => known.exec(word)?.[1]);
  return sorted(words.filter((word) => word !== undefined).map((word) => (word === 'stream' ? 'mailbox' : word)));
}

test('keys.md says of every script at least the keys that its title page declares', async (t) => {
  const rows = (await read('docs/keys.md')).split('\n').filter((line) => /^\| `[a-z]+`/.test(line));
  for (const path of await filesBelow('packages/redis/lua', '.lua')) {
    const [, declared] = /^-- KEYS +(.*)$/m.exec(await read(path)) ?? [];
    if (declared === undefined) continue;
    const name = path.split('/').at(-1)!.slice(0, -4);
    const row = rows.find((line) => line.split('|')[1]!.includes(`\`${name}\``));
    const told = keysIn(row?.split('|')[3] ?? '');
    t.deepEqual(
      keysIn(declared.replaceAll(/of (the|a) (node|victim)/g, '')).filter((key) => !told.includes(key)),
      [],
      name,
    );
  }
});
