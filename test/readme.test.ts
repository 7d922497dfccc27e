/** The programs in README.md and in the pages for newcomers: as they stand there they type-check, run, and print what is said. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const LIMIT_MS = 60_000;
const root = fileURLToPath(new URL('../../', import.meta.url));
const { REDIS_URL: _, ...environment } = process.env;
const PAGES = ['README.md', 'docs/coming-from.md', 'docs/testing.md'];
const pages = (await Promise.all(PAGES.map((page) => readFile(join(root, page), 'utf8')))).join('\n');

/** The fenced block behind each mark of this kind, by the name in the mark. */
function marked(kind: 'example' | 'output', language: string): Map<string, string> {
  const fence = '```';
  const block = new RegExp(`<!-- ${kind}: ([a-z-]+) -->\\n${fence}${language}\\n([^]*?)\\n${fence}`, 'g');
  return new Map([...pages.matchAll(block)].map(([, name, text]) => [name!, text!]));
}

const examples = marked('example', 'ts');
const outputs = marked('output', 'text');

/** Below this folder `homeostat` and `zod` are found, as they are in a program that has installed them. */
async function compiled(name: string, source: string): Promise<string> {
  await mkdir(join(root, 'test', 'dist'), { recursive: true });
  const folder = await mkdtemp(join(root, 'test', 'dist', `readme-${name}-`));
  const options = {
    extends: '../../../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
    },
    files: ['main.ts'],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(options));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'main.ts'), source);
  return folder;
}

for (const [name, source] of examples) {
  test(`the example "${name}" type-checks, runs and prints what its page says`, async (t) => {
    t.timeout(2 * LIMIT_MS);
    const folder = await compiled(name, source);
    try {
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      await run(process.execPath, [tsc, '-p', folder], { timeout: LIMIT_MS }).catch((error: { stdout: string }) =>
        t.fail(error.stdout),
      );
      const { stdout } = await run(process.execPath, [join(folder, 'main.js')], {
        timeout: LIMIT_MS,
        env: environment,
      });
      t.is(stdout.trim(), outputs.get(name) ?? '');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

test('each page has examples, and there is an output for each', (t) => {
  t.true(examples.size > PAGES.length);
  t.deepEqual([...outputs.keys()], [...examples.keys()]);
});
