import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import test from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Lints one file that imports `what`, laid out like this repository, and answers what the walls said. */
async function lint(file: string, what: string): Promise<string> {
  const house = await mkdtemp(join(tmpdir(), 'homeostat-walls-'));
  try {
    await copyFile(join(root, '.oxlintrc.json'), join(house, '.oxlintrc.json'));
    await mkdir(dirname(join(house, file)), { recursive: true });
    await writeFile(join(house, file), `import { thing } from '${what}';\n\nexport const other: unknown = thing;\n`);
    return await new Promise((resolve) => {
      const oxlint = join(root, 'node_modules', '.bin', 'oxlint');
      execFile(oxlint, ['--deny-warnings', '--format=json'], { cwd: house }, (_error, stdout, stderr) => {
        resolve(stdout + stderr);
      });
    });
  } finally {
    await rm(house, { recursive: true, force: true });
  }
}

const FORBIDDEN: readonly (readonly [file: string, what: string, why: RegExp])[] = [
  ['packages/core/src/client.ts', 'ioredis', /core knows no Redis/],
  ['packages/core/src/pools/thread.ts', '@homeostat/redis', /bottom of the house/],
  ['packages/core/src/actor.ts', 'homeostat', /bottom of the house/],
  ['packages/core/src/client.ts', 'node:http', /core knows no HTTP/],
  ['packages/core/src/frame.ts', './dispatcher.ts', /pure value/],
  ['packages/core/src/verdict.ts', './node.ts', /pure value/],
  ['packages/core/src/errors.ts', './client.ts', /pure value/],
  ['packages/core/src/envelope.ts', './pools/async.ts', /pure value/],
  ['packages/core/src/contract.ts', 'ioredis', /no transport/],
  ['packages/redis/src/broker.ts', 'homeostat', /front door/],
  ['packages/redis/src/broker.ts', '@homeostat/core/testing', /through its ports/],
  ['packages/redis/src/broker.ts', '@homeostat/bridge', /through its ports/],
  ['packages/redis/src/broker.ts', '../../core/src/frame.ts', /through the floor/],
  ['packages/homeostat/src/index.ts', 'ioredis', /Only @homeostat\/redis talks to Redis/],
  ['examples/01-hello/main.ts', 'ioredis', /Only @homeostat\/redis talks to Redis/],
];

const ALLOWED: readonly (readonly [file: string, what: string])[] = [
  ['packages/core/src/frame.ts', './envelope.ts'],
  ['packages/core/src/client.ts', './outbox.ts'],
  ['packages/redis/src/connection.ts', 'ioredis'],
  ['packages/redis/src/broker.ts', '@homeostat/core'],
  ['packages/redis/src/broker.ts', '@homeostat/core/backend'],
  ['packages/homeostat/src/index.ts', '@homeostat/redis'],
  ['test/kill.test.ts', 'ioredis'],
];

for (const [file, what, why] of FORBIDDEN) {
  test(`${file} may not import ${what}, and is told why`, async (t) => {
    const said = await lint(file, what);
    t.regex(said, /no-restricted-imports/);
    t.regex(said, why);
  });
}

for (const [file, what] of ALLOWED) {
  test(`${file} may import ${what}`, async (t) => {
    t.notRegex(await lint(file, what), /no-restricted-imports/);
  });
}
