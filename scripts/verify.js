import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ensureBuilt } from './lib/build.js';
import { checkExports } from './lib/exports.js';
import { ensureInstalled } from './lib/install.js';
import { missingOptionals, readLock, registryAddresses } from './lib/lock.js';
import { root } from './lib/root.js';
import { runQuietly } from './lib/run.js';
import { Complaint, createSteps, main } from './lib/steps.js';
import { runTests } from './lib/tests.js';

const HELP = `npm run verify: everything CI runs

  lock      the lock files are complete and tied to no registry
  scripts   the generated Lua module is up to date
  format    oxfmt
  types     tsc -b
  lint      oxlint, with the walls between the packages
  unused    knip
  exports   publint and attw on the packages as npm would publish them
  tests     ava, with a Redis beside it

  npm run verify -- --fast   leaves the tests out

The last line is "N passed, N failed"; each step other than the tests counts as one.
`;

const BIN = join(root, 'node_modules', '.bin');

const say = (passed, failed) => process.stdout.write(`${passed} passed, ${failed} failed\n`);

async function verify() {
  const fast = process.argv.includes('--fast');
  const step = createSteps();
  await step('install', 'checking the modules', () => ensureInstalled());

  const table = [];
  const totals = { passed: 0, failed: 0 };

  /** Runs one check; what it throws is printed under its line and counted, and the next check runs all the same. */
  async function check(name, doing, work) {
    const started = performance.now();
    let result = { passed: 1, failed: 0 };
    try {
      result = (await work(name, doing)) ?? result;
    } catch (error) {
      process.stdout.write(`${error instanceof Complaint ? error.message : error.stack}\n\n`);
      result = { passed: 0, failed: 1 };
    }
    totals.passed += result.passed;
    totals.failed += result.failed;
    table.push({ name, seconds: (performance.now() - started) / 1_000, result });
  }
  const quietly = (work, says) => (name, doing) =>
    step(name, doing, async () => {
      await work();
      return says;
    }).then(() => undefined);
  const tool = (name, ...args) => quietly(() => succeed(name, args), 'ok');

  await check('lock', 'reading the lock files', quietly(checkLocks, 'ok'));
  // Before the build, which writes the generated module anew.
  await check('scripts', 'comparing the generated Lua module', quietly(checkGenerated, 'up to date'));
  await check('format', 'oxfmt --check', tool('oxfmt', '--check'));
  // Before lint and exports, which read the declarations it leaves.
  await check('types', 'tsc -b', quietly(ensureBuilt, 'ok'));
  await check('lint', 'oxlint, walls included', tool('oxlint', '--type-aware', '--deny-warnings'));
  await check('unused', 'knip', tool('knip', '--no-progress'));
  await check('exports', 'publint and attw on the packed packages', quietly(exportsAreRight, 'ok'));
  if (!fast) await check('tests', 'ava', () => runTests(step, []));

  process.stdout.write('\n');
  for (const { name, seconds, result } of table) {
    const ending = result.failed === 0 ? 'ok' : 'failed';
    process.stdout.write(`${name.padEnd(9)} ${seconds.toFixed(1).padStart(7)} s   ${ending}\n`);
  }
  say(totals.passed, totals.failed);
  return totals.failed === 0 ? 0 : 1;
}

async function succeed(name, args) {
  const { code, output } = await runQuietly(join(BIN, name), args);
  if (code !== 0) throw new Complaint(output.trim());
}

async function checkLocks() {
  for (const name of ['package-lock.json', 'bench/package-lock.json']) {
    const lock = readLock(join(root, name));
    const tied = registryAddresses(lock);
    if (tied.length > 0) throw new Complaint(`${name} holds registry addresses, for example at ${tied[0]}.`);
    const missing = missingOptionals(lock);
    if (missing.length > 0)
      throw new Complaint(`${name} lacks ${missing[0].name}, so npm ci refuses it: npm run lock.`);
  }
}

async function checkGenerated() {
  const file = join(root, 'packages', 'redis', 'src', 'scripts.ts');
  const read = () => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  };
  const before = read();
  const { code, output } = await runQuietly(process.execPath, [join(root, 'packages', 'redis', 'lua', 'generate.js')]);
  if (code !== 0) throw new Complaint(output.trim());
  if (before === read()) return;
  throw new Complaint(`${file.slice(root.length)} did not match the .lua files. It has been written anew: keep it.`);
}

async function exportsAreRight() {
  const wrong = await checkExports();
  if (wrong.length > 0) throw new Complaint(wrong.join('\n\n'));
}

await main(
  () => {
    if (!process.argv.includes('--help')) return verify();
    process.stdout.write(HELP);
    return 0;
  },
  () => say(0, 1),
);
