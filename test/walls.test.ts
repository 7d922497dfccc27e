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
  ['packages/core/src/calling/client.ts', 'ioredis', /core knows no Redis/],
  ['packages/core/src/serving/pools/thread.ts', '@homeostat/redis', /bottom of the house/],
  ['packages/core/src/contract/actor.ts', 'homeostat', /bottom of the house/],
  ['packages/core/src/calling/client.ts', 'node:http', /core knows no HTTP/],
  ['packages/core/src/wire/frame.ts', '../serving/dispatcher.ts', /pure value/],
  ['packages/core/src/serving/verdict.ts', './dispatcher.ts', /pure value/],
  ['packages/core/src/ground/errors.ts', '../calling/client.ts', /pure value/],
  ['packages/core/src/wire/envelope.ts', '../serving/pools/async.ts', /pure value/],
  ['packages/core/src/breaker/breaker-state.ts', './breaking.ts', /pure value/],
  ['packages/core/src/health/score.ts', '../node/assemble.ts', /pure value/],
  ['packages/core/src/contract/contract.ts', 'ioredis', /no transport/],
  ['packages/redis/src/broker.ts', 'homeostat', /front door/],
  ['packages/redis/src/broker.ts', '@homeostat/core/testing', /through its ports/],
  ['packages/redis/src/broker.ts', '@homeostat/bridge', /through its ports/],
  ['packages/redis/src/broker.ts', '../../core/src/wire/frame.ts', /through the floor/],
  ['packages/homeostat/src/index.ts', 'ioredis', /Only @homeostat\/redis talks to Redis/],
  ['examples/01-hello/main.ts', 'ioredis', /Only @homeostat\/redis talks to Redis/],
];

const ALLOWED: readonly (readonly [file: string, what: string])[] = [
  ['packages/core/src/wire/frame.ts', './envelope.ts'],
  ['packages/core/src/calling/client.ts', '../sending/outbox.ts'],
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
