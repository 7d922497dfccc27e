import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const LIMIT_MS = 60_000;

interface Example {
  readonly folder: string;
  readonly shows: string;
  readonly on: readonly ('memory' | 'redis')[];
}

const EXAMPLES: readonly Example[] = [
  { folder: '01-hello', shows: 'a contract, an actor and a call', on: ['memory'] },
  { folder: '02-two-processes', shows: 'typed calls and errors between two processes', on: ['redis'] },
  { folder: '03-threads', shows: 'computing that leaves the event loop free', on: ['memory', 'redis'] },
  { folder: '04-cast-with-delay', shows: 'delayed casts that arrive when they are due', on: ['memory', 'redis'] },
  { folder: '05-dead-letters', shows: 'a dead letter with its history, and its replay', on: ['memory', 'redis'] },
  { folder: '06-scaling', shows: 'services that join and die under load without a loss', on: ['redis'] },
  { folder: '07-bank-account', shows: 'state by key that each message changes once', on: ['memory', 'redis'] },
  { folder: '08-fan-out', shows: 'one message for every group, and none missed', on: ['memory', 'redis'] },
  {
    folder: '09-streamed-report',
    shows: 'an answer of many items, read as fast as one likes',
    on: ['memory', 'redis'],
  },
  { folder: '10-cancel', shows: 'work that stops when nobody waits for it', on: ['memory', 'redis'] },
  { folder: '11-cron', shows: 'what happens by the clock, once for three nodes', on: ['memory', 'redis'] },
  { folder: '12-once-only-payment', shows: 'a payment that is made once', on: ['memory', 'redis'] },
  { folder: '13-health-and-failover', shows: 'work that goes where it can be done', on: ['redis'] },
  { folder: '14-canary', shows: 'a new version that gets its share of the calls', on: ['memory', 'redis'] },
  { folder: '15-breaker-on-two-nodes', shows: 'a breaker that all nodes share', on: ['memory', 'redis'] },
  { folder: '16-cache', shows: 'answers that all nodes share', on: ['memory', 'redis'] },
  { folder: '17-live-configuration', shows: 'settings that change while nodes run', on: ['memory', 'redis'] },
  { folder: '18-autoscale', shows: 'concurrency that follows the load', on: ['memory', 'redis'] },
  { folder: '19-pain', shows: 'pain that a unit heals, and pain that climbs by the clock', on: ['memory', 'redis'] },
];

/** What an expected line may leave open: `<ms>` and `<n>` stand for a number. */
const PLACEHOLDER = /<(?:ms|n)>/;

const { REDIS_URL, ...environment } = process.env;

for (const { folder, shows, on } of EXAMPLES) {
  for (const backend of on) {
    const declared = backend === 'redis' && REDIS_URL === undefined ? test.serial.skip : test.serial;
    declared(`example ${folder} on ${backend} shows ${shows}, as it declares`, async (t) => {
      t.timeout(LIMIT_MS * 2);
      const main = fileURLToPath(new URL(`${folder}/main.js`, import.meta.url));
      const { stdout, stderr } = await run(process.execPath, [main], {
        timeout: LIMIT_MS,
        env: {
          ...environment,
          ...(backend === 'redis' ? { REDIS_URL } : undefined),
          NAMESPACE: `${folder}-${randomBytes(4).toString('hex')}`,
        },
      });
      if (stderr !== '') t.log(stderr);
      t.regex(stdout, matching(await declaredOutput(folder)));
    });
  }
}

function declaredOutput(folder: string): Promise<string> {
  return readFile(new URL(`../${folder}/expected.txt`, import.meta.url), 'utf8');
}

function matching(expected: string): RegExp {
  const parts = expected.split(PLACEHOLDER).map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(String.raw`\d+`)}$`);
}
