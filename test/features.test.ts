/** The feature list against the tests: what is promised is proven somewhere, by name. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));
const TEST_FILE = /(\.test\.ts|testing\/(node-)?contract\/.*\.ts)$/;
/** A string that ends in ids in brackets: `'… (S1-02, S3-04)'`. */
const TITLE = /[('"`][^'"`\n]*\((?:[SR]\d?-?\d+(?:, )?)+\)['"`]/g;
const ID = /S\d-\d\d/g;

/** Rows of the feature list by subsystem; each has an observable check, and a test whose title names it. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  'registry and discovery': rows('S0', 27, 33).concat(
    rows('S1', 4, 6),
    ['S1-16', 'S1-34', 'S1-35'],
    rows('S2', 1, 18),
    rows('S4', 2, 9),
  ),
  health: ['S0-18', 'S0-31', 'S0-41', 'S0-42'].concat(
    rows('S1', 37, 40),
    rows('S2', 19, 26),
    ['S2-40', 'S3-08', 'S3-26'],
    rows('S4', 19, 23),
  ),
  balancing: rows('S0', 34, 36).concat(['S1-36'], rows('S2', 27, 33), rows('S4', 10, 17)),
  'shared breaker': rows('S1', 17, 24).concat(['S3-07'], rows('S3', 17, 23), ['S3-25', 'S4-42', 'S4-43']),
  'retry, budget, slots': rows('S1', 25, 27).concat(rows('S3', 28, 30), ['S4-27', 'S4-28'], rows('S4', 30, 34)),
  cache: ['S1-43', 'S1-44', 'S4-24', 'S4-25'],
  configuration: ['S1-07', 'S1-08', 'S3-10', 'S3-11'].concat(rows('S2', 34, 37)),
  'middleware and errors': rows('S0', 43, 45).concat(['S1-41', 'S1-42', 'S1-45', 'S1-46', 'S1-47', 'S3-38']),
  scaling: ['S0-40', 'S2-45', 'S3-14', 'S3-15'],
  alerts: ['S3-16', 'S3-24', 'S3-37'].concat(rows('S3', 50, 63), ['S4-21', 'S1-47', 'S2-25']),
  'testing kit': ['S3-47'],
  schedules: ['S3-31'],
  once: ['S1-10', 'S4-29'],
  topics: ['S3-13', 'S3-40'],
  flow: ['S0-49', 'S3-37', 'S4-44', 'S4-46'],
  state: ['S3-39', 'S3-41', 'S3-42', 'S3-43', 'S3-44'],
  'calls and streams': rows('S0', 21, 24).concat(['S1-09', 'S1-11', 'S1-12', 'S1-15', 'S3-35']),
  envelope: rows('S0', 46, 48).concat(['S0-50']),
  mailboxes: ['S0-05', 'S0-08', 'S0-10', 'S0-25', 'S0-38', 'S4-45'],
};

const named = await namedRows();

for (const [subsystem, ids] of Object.entries(ROWS)) {
  test(`every row of ${subsystem} has a test that names it`, (t) => {
    t.deepEqual(
      ids.filter((id) => !named.has(id)),
      [],
    );
  });
}

function rows(part: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${part}-${String(first + index).padStart(2, '0')}`);
}

/** The ids that stand in the titles of tests: at the end, in brackets. The contract suites are tests as well. */
async function namedRows(): Promise<Set<string>> {
  const files = (await Promise.all(['packages', 'test', 'examples'].map(testFiles))).flat();
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const titles = texts.flatMap((text) => [...text.matchAll(TITLE)].map(([title]) => title));
  return new Set(titles.flatMap((title) => title.match(ID) ?? []));
}

async function testFiles(folder: string): Promise<string[]> {
  const found = await readdir(join(root, folder), { recursive: true });
  return found
    .filter((file) => !/(^|\/)(dist|node_modules)\//.test(file) && TEST_FILE.test(file))
    .map((file) => join(root, folder, file));
}
