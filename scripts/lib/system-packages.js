import { onPath, runQuietly } from './run.js';

const INSTALL_MS = 240_000;
const APT = ['-o', 'Acquire::http::Timeout=15', '-o', 'Acquire::Retries=1', '-o', 'DPkg::Lock::Timeout=60'];

/** Package managers in the order they are tried; each entry of `tries` is a list of commands that must all succeed. */
const MANAGERS = [
  {
    name: 'apt-get',
    needsRoot: true,
    tries: [
      [[...APT, 'install', '-y', '--no-install-recommends', 'redis-server']],
      [
        [...APT, 'update'],
        [...APT, 'install', '-y', '--no-install-recommends', 'redis-server'],
      ],
      [[...APT, 'install', '-y', '--no-install-recommends', 'valkey-server']],
    ],
  },
  { name: 'dnf', needsRoot: true, tries: [[['install', '-y', 'valkey']], [['install', '-y', 'redis']]] },
  { name: 'apk', needsRoot: true, tries: [[['add', 'redis']], [['add', 'valkey']]] },
  { name: 'brew', needsRoot: false, tries: [[['install', 'redis']], [['install', 'valkey']]] },
];

/**
 * Installs a Redis server by the first package manager that is there and may be used. `say` is told one line before
 * anything is changed. Answers undefined when that worked, else the reason in words.
 */
export async function installRedis(say) {
  const present = MANAGERS.find(({ name }) => onPath(name) !== undefined);
  if (present === undefined) return 'no package manager known to this script is on the PATH';
  const prefix = present.needsRoot ? await asRoot() : [];
  if (prefix === undefined) return `${present.name} needs root, and sudo would ask for a password or is missing`;
  say(`there is no redis-server here: installing one with ${[...prefix, present.name].join(' ')}`);
  let reason = '';
  for (const commands of present.tries) {
    reason = await firstFailure(prefix, present.name, commands);
    if (reason === '') return undefined;
  }
  return `${present.name} could not install a Redis server (${reason})`;
}

async function asRoot() {
  if (process.getuid?.() === 0) return [];
  if (onPath('sudo') === undefined) return undefined;
  return (await runQuietly('sudo', ['-n', 'true'])).code === 0 ? ['sudo', '-n'] : undefined;
}

async function firstFailure(prefix, manager, commands) {
  for (const args of commands) {
    // RUNLEVEL=1: the package must not also start a service of its own on the default port.
    const [command, ...rest] = [
      ...prefix,
      '/usr/bin/env',
      'DEBIAN_FRONTEND=noninteractive',
      'RUNLEVEL=1',
      manager,
      ...args,
    ];
    const { code, output } = await runQuietly(command, rest, { timeoutMs: INSTALL_MS });
    if (code !== 0) return output.trim().split('\n').at(-1) || `exit code ${code}`;
  }
  return '';
}
