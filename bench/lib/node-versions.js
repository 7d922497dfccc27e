import { execFile, spawn } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ended, track } from './processes.js';

const cache = fileURLToPath(new URL('../.nodes/', import.meta.url));

/**
 * The running Node when its major is asked for; else one from `bench/.nodes`, installed there from the npm package
 * `node` the first time.
 *
 * @param {string} major
 * @param {(text: string) => void} progress
 * @returns {Promise<{ version: string, execPath: string }>}
 */
export async function findNode(major, progress) {
  if (process.versions.node.split('.')[0] === major)
    return { version: process.versions.node, execPath: process.execPath };
  const directory = `${cache}${major}`;
  const execPath = `${directory}/node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`;
  if (!(await exists(execPath))) {
    progress(`installing node@${major} in bench/.nodes/${major}`);
    await mkdir(directory, { recursive: true });
    const npm = track(
      spawn('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', directory, `node@${major}`], {
        stdio: ['ignore', 2, 2],
      }),
    );
    await ended(npm);
  }
  if (!(await exists(execPath)))
    throw new Error(`the npm package node@${major} brought no binary for ${process.platform} ${process.arch}`);
  const { stdout } = await promisify(execFile)(execPath, ['--version']);
  return { version: stdout.trim().slice(1), execPath };
}

/** @param {string} path */
function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
