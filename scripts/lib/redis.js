import { ping } from './ping.js';
import { startServer } from './redis-server.js';
import { onPath } from './run.js';
import { Complaint } from './steps.js';
import { installRedis } from './system-packages.js';

const GIVEN_MS = 5_000;
const NOTHING_TO_STOP = async () => {};

/** The path of a Redis (or Valkey) server on this machine, or undefined. */
function findServer() {
  return onPath('redis-server') ?? onPath('valkey-server');
}

/** Finds a server, installing one if there is none. Answers `{ server, says }`, or `{ refusal, says }` with the reason. */
export async function ensureServer(say) {
  const present = findServer();
  if (present !== undefined) return { server: present, says: present };
  const refused = await installRedis(say);
  const server = findServer();
  if (server !== undefined) return { server, says: `${server}, newly installed` };
  const refusal = refused ?? 'what was installed brought no server onto the PATH';
  return { refusal, says: refusal };
}

/**
 * Finds a Redis: the one `REDIS_URL` names, else a private one started here, after installing it if need be.
 * Falls back to `{ kind: 'memory' }`, also when `HOMEOSTAT_BACKEND=memory` asks for it.
 * Answers `{ kind, url, server, env, says, stop }`; `env` is what a program has to be given to use it.
 */
export async function findRedis({ appendOnly = true, say = () => {} } = {}) {
  if (process.env.HOMEOSTAT_BACKEND === 'memory') return memory('HOMEOSTAT_BACKEND asks for it');
  const given = process.env.REDIS_URL;
  if (given !== undefined && given !== '') return givenRedis(given);

  const { server, refusal } = await ensureServer(say);
  if (server === undefined) return memory(refusal);
  const { url, stop } = await startServer(server, { appendOnly });
  const log = appendOnly ? 'append-only file on' : 'append-only file off';
  return {
    kind: 'redis',
    url,
    server,
    env: { REDIS_URL: url, REDIS_SERVER: server },
    says: `${server} at ${url.slice('redis://'.length)}, private to this run, ${log}`,
    stop,
  };
}

/** What a child process gets: this process's environment and the chosen backend, without leftovers of another choice. */
export function environment(redis) {
  const { REDIS_URL, REDIS_SERVER, HOMEOSTAT_BACKEND, ...rest } = process.env;
  return { ...rest, ...redis.env };
}

async function givenRedis(url) {
  try {
    await ping(url, GIVEN_MS);
  } catch (error) {
    throw new Complaint(`${error.message}\nIt was given by REDIS_URL: start it, correct the URL, or unset REDIS_URL.`);
  }
  const server = findServer();
  return {
    kind: 'redis',
    url,
    server,
    env: { REDIS_URL: url, ...(server === undefined ? {} : { REDIS_SERVER: server }) },
    says: 'the one REDIS_URL names answers',
    stop: NOTHING_TO_STOP,
  };
}

function memory(why) {
  return {
    kind: 'memory',
    url: undefined,
    server: undefined,
    env: { HOMEOSTAT_BACKEND: 'memory' },
    says:
      `none: the memory backend is used (${why}). Everything then lives in one process: ` +
      'nothing survives it, and other processes cannot join.',
    stop: NOTHING_TO_STOP,
  };
}
