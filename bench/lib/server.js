import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, track } from './processes.js';

const START_MS = 10_000;

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @param {number} port */
function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} command
 * @param {(port: number, directory: string) => string[]} args
 * @param {string} scheme
 * @returns {Promise<Server | undefined>} undefined when the command is not on the PATH
 */
async function startServer(command, args, scheme) {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'homeostat-bench-'));
  const child = track(spawn(command, args(port, directory), { cwd: directory, stdio: 'ignore' }));
  // at exit too, for the run that was interrupted
  const cleanUp = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', cleanUp);
  /** @type {NodeJS.ErrnoException | undefined} */
  let failure;
  child.once('error', (error) => (failure = error));
  for (const startedAt = Date.now(); ; await sleep(20)) {
    if (failure?.code === 'ENOENT') return void cleanUp();
    if (failure || child.exitCode !== null) throw new Error(`${command} did not start`, { cause: failure });
    if (await listens(port)) break;
    if (Date.now() - startedAt > START_MS) throw new Error(`${command} does not listen after ${START_MS} ms`);
  }
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    async stop() {
      await end(child);
      cleanUp();
    },
  };
}

/** A Redis of our own, in memory only, on a free loopback port. */
export async function startRedis() {
  /** @param {number} port */
  const args = (port) => ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  for (const command of ['redis-server', 'valkey-server']) {
    const server = await startServer(command, args, 'redis');
    if (server) return server;
  }
  throw new Error('no REDIS_URL is given and neither redis-server nor valkey-server is on the PATH');
}

/** A NATS with JetStream, on a free loopback port. */
export function startNats() {
  /** @type {(port: number, directory: string) => string[]} */
  const args = (port, directory) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', directory];
  return startServer('nats-server', args, 'nats');
}
