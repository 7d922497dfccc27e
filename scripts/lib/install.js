import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './root.js';
import { runQuietly } from './run.js';
import { Complaint } from './steps.js';

/** Node's oldest version that everything here runs on. */
const FLOOR = [20, 19];
/** Says which lock file the installed modules were installed from. */
const STAMP = '.installed-from';

/** Installs what package-lock.json names unless that is what is there. Answers a sentence on what was done. */
export async function ensureInstalled(folder = root) {
  checkNode();
  const lock = join(folder, 'package-lock.json');
  const wanted = digest(lock);
  if (wanted !== undefined && isCurrent(folder, lock, wanted)) return 'modules are up to date';
  const says = wanted === undefined ? await install(folder) : await cleanInstall(folder);
  const installed = digest(lock);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  if (installed !== undefined) writeFileSync(join(folder, 'node_modules', STAMP), installed);
  return says;
}

async function cleanInstall(folder) {
  const { code, output } = await npm(folder, ['ci']);
  if (code === 0) return 'modules installed';
  if (!output.includes('EUSAGE')) throw new Complaint(explain(output));
  await install(folder, ['--no-save']);
  return 'modules installed, though package-lock.json is behind package.json: "npm install && npm run lock" mends it';
}

async function install(folder, args = []) {
  const { code, output } = await npm(folder, ['install', ...args]);
  if (code !== 0) throw new Complaint(explain(output));
  return 'modules installed';
}

function npm(folder, args) {
  return runQuietly('npm', [...args, '--no-audit', '--no-fund', '--loglevel=warn'], { cwd: folder });
}

function isCurrent(folder, lock, wanted) {
  const stamp = join(folder, 'node_modules', STAMP);
  try {
    if (readFileSync(stamp, 'utf8') === wanted) return true;
  } catch {
    // No stamp: somebody may have installed by hand.
  }
  try {
    // npm writes this file last, so it is older than the lock only when the lock changed since.
    if (statSync(join(folder, 'node_modules', '.package-lock.json')).mtimeMs < statSync(lock).mtimeMs) return false;
    writeFileSync(stamp, wanted);
    return true;
  } catch {
    return false;
  }
}

function digest(file) {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return undefined;
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])) return;
  throw new Complaint(`Homeostat needs Node ${FLOOR.join('.')} or newer; this is ${process.versions.node}.`);
}

function explain(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET/.test(output)) {
    return `${output.trim()}\n\nnpm could not reach its registry. Check the network (or npm's proxy setting) and run this again.`;
  }
  return `${output.trim()}\n\nnpm could not install the modules; its own words are above.`;
}
