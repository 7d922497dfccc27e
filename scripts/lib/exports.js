import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root } from './root.js';
import { runQuietly } from './run.js';

const BIN = join(root, 'node_modules', '.bin');

/** Packs every public package as npm would publish it and checks its doors. Answers what is wrong with them, in words. */
export async function checkExports() {
  const folder = mkdtempSync(join(tmpdir(), 'homeostat-pack-'));
  try {
    const wrong = [];
    for (const name of publicPackages()) wrong.push(...(await checkPackage(name, folder)));
    return wrong;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function publicPackages() {
  return readdirSync(join(root, 'packages')).filter((name) => {
    const { private: isPrivate } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
    return isPrivate !== true;
  });
}

async function checkPackage(name, folder) {
  const packed = await runQuietly('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', folder], {
    cwd: join(root, 'packages', name),
  });
  if (packed.code !== 0) return [`${name}: npm pack failed\n${packed.output}`];
  const tarball = join(folder, readName(packed.output));
  const checks = [
    { says: 'publint', ...(await runQuietly(join(BIN, 'publint'), [tarball, '--strict'])) },
    {
      says: 'attw',
      ...(await runQuietly(join(BIN, 'attw'), [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'])),
    },
  ];
  return checks.filter(({ code }) => code !== 0).map(({ says, output }) => `${name}: ${says}\n${output.trim()}`);
}

function readName(output) {
  const [packed] = JSON.parse(output.slice(output.indexOf('[')));
  return packed.filename;
}
