/** What each package hands out: a name that comes or goes is a change of `test/doors.txt`, to be looked at. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const DOORS: Readonly<Record<string, object>> = {
  homeostat: await import('homeostat'),
  'homeostat/testing': await import('homeostat/testing'),
  '@homeostat/core': await import('@homeostat/core'),
  '@homeostat/core/backend': await import('@homeostat/core/backend'),
  '@homeostat/core/testing': await import('@homeostat/core/testing'),
  '@homeostat/redis': await import('@homeostat/redis'),
};
const RECORD = new URL('../doors.txt', import.meta.url);

const declarationOf = (specifier: string): string =>
  fileURLToPath(import.meta.resolve(specifier)).replace(/\.js$/, '.d.ts');

/** The exported names of a declaration file, types included. Knows the forms that this house uses, and refuses others. */
async function exported(file: string): Promise<Set<string>> {
  const text = (await readFile(file, 'utf8')).replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
  const names = new Set<string>();
  for (const [, rest] of text.matchAll(/^export (.*(?:\{[^}]*\}[^;]*;)?)/gm)) {
    const [, all] = /^\* from '([^']+)'/.exec(rest!) ?? [];
    const [, listed] = /^(?:type )?\{([^}]*)\}/.exec(rest!) ?? [];
    const [, declared] = /^(?:declare )?(?:abstract )?(?:interface|type|class|const|function) (\w+)/.exec(rest!) ?? [];
    if (all !== undefined) for (const name of await exported(resolve(all, file))) names.add(name);
    else if (listed !== undefined) for (const name of inList(listed)) names.add(name);
    else if (declared !== undefined) names.add(declared);
    else throw new Error(`${file}: cannot read "export ${rest}"`);
  }
  return names;
}

function resolve(specifier: string, from: string): string {
  return specifier.startsWith('.')
    ? join(dirname(from), specifier.replace(/\.[jt]s$/, '.d.ts'))
    : declarationOf(specifier);
}

function inList(list: string): string[] {
  const entries = list.split(',').map((entry) => entry.trim().replace(/^type /, ''));
  return entries.filter((entry) => entry !== '').map((entry) => entry.split(' as ').at(-1)!);
}

async function describe([door, values]: readonly [door: string, values: object]): Promise<string> {
  const names = [...(await exported(declarationOf(door)))].sort();
  return [door, ...names.map((name) => `  ${name in values ? '' : 'type '}${name}`), ''].join('\n');
}

test('the doors hand out the names that doors.txt records (UPDATE_DOORS=1 writes it anew)', async (t) => {
  const now = (await Promise.all(Object.entries(DOORS).map(describe))).join('\n');
  if (process.env['UPDATE_DOORS'] === '1') await writeFile(RECORD, now);
  t.deepEqual(now.split('\n'), (await readFile(RECORD, 'utf8')).split('\n'));
});

for (const [door, values] of Object.entries(DOORS)) {
  test(`every value of ${door} is declared, and no door has a default export`, async (t) => {
    const declared = await exported(declarationOf(door));
    t.deepEqual(
      Object.keys(values).filter((name) => !declared.has(name)),
      [],
    );
    t.false('default' in values);
  });
}
