import type { Sample } from './repository.ts';
import { bold, dim, number, type Screen } from './screen.ts';
import type { Service } from './services.ts';
import { LOAD_SECONDS, namespace, redisUrl, SEED } from './settings.ts';

/** Says what runs where, and what it is going to do. */
export function introduce(screen: Screen, samples: readonly Sample[], services: readonly Service[]): void {
  const kilobytes = Math.round(samples.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024);
  const names = services.map(({ name, pid }) => `${name} ${dim(`(pid ${pid})`)}`).join(', ');
  const rows: [string, string][] = [
    ['backend', redisUrl === undefined ? 'memory' : `Redis at ${host(redisUrl)}, namespace ${namespace}`],
    [
      'processes',
      redisUrl === undefined
        ? `one, this ${dim(`(pid ${process.pid})`)}`
        : `caller ${dim(`(pid ${process.pid})`)}, ${names}`,
    ],
    [
      'actors',
      `users and files in ${redisUrl === undefined ? 'the' : 'each'} service, files on a worker thread; ledger in the caller`,
    ],
    [
      'work',
      `${LOAD_SECONDS} s of ${number(samples.length)} files of this repository (${number(kilobytes)} KiB), counted and hashed by calls,`,
    ],
    ['', `and user records from seed ${SEED}, created and updated by casts, read by calls`],
  ];
  screen.line();
  screen.line(`  ${bold('Homeostat, the tour')}`);
  screen.line();
  for (const [title, text] of rows) screen.line(`  ${dim(title.padEnd(11))}${text}`);
  screen.line();
  if (redisUrl !== undefined) return;
  screen.line(
    '  Without Redis everything lives in this one process: nothing survives it, and no other process can join.',
  );
  screen.line('  So nothing is killed half-way. The same program with REDIS_URL set does that too.');
  screen.line();
}

/** A URL without its password. */
function host(url: string): string {
  return new URL(url).host;
}
