import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ping } from './ping.js';
import { Complaint } from './steps.js';

const START_MS = 10_000;

/**
 * Starts the server and waits for the end of its own standard input, which the system closes however its parent ends,
 * a SIGKILL included. Then it ends the server and removes its directory. It lives in a process group of its own:
 * a Ctrl-C must not take Redis away from a program that is still draining.
 */
const KEEPER = `
dir=$1; shift
"$@" >"$dir/redis.log" 2>&1 </dev/null &
server=$!
while read -r _; do :; done
kill -9 "$server" 2>/dev/null
wait "$server" 2>/dev/null
PATH=$PATH:/bin:/usr/bin rm -rf "$dir"
`;

/** Starts a private Redis on a free loopback port. `stop` ends it and removes what it wrote. */
export async function startServer(binary, { appendOnly = true } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'homeostat-redis-'));
  const port = await freePort();
  const settings = {
    port,
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: appendOnly ? 'yes' : 'no',
    appendfsync: 'everysec',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'keeper', dir, binary, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const gone = new Promise((resolve) => keeper.once('close', resolve));
  keeper.on('error', () => {});
  keeper.stdin.on('error', () => {});
  keeper.unref();
  keeper.stdin.unref();
  const stop = async () => {
    keeper.ref();
    keeper.stdin.destroy();
    await gone;
  };
  const url = `redis://127.0.0.1:${port}`;
  try {
    await ping(url, START_MS);
  } catch {
    const log = readLog(dir);
    await stop();
    throw new Complaint(`${binary} did not come up within ${START_MS / 1_000} s. Its log ends:\n${log}`);
  }
  return { url, stop };
}

function readLog(dir) {
  try {
    return readFileSync(join(dir, 'redis.log'), 'utf8').split('\n').slice(-12).join('\n');
  } catch {
    return '(no log)';
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
