import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

const run = promisify(execFile);
const LIMIT_MS = 100_000;
const SECONDS = '2';

const { REDIS_URL, HOMEOSTAT_BACKEND, ...environment } = process.env;

test('the tour on memory: one process, nothing killed, and everything adds up', async (t) => {
  const told = await tour(t, { HOMEOSTAT_BACKEND: 'memory' });
  t.regex(told, /Without Redis everything lives in this one process/);
  t.notRegex(told, /SIGKILL/);
});

const onRedis = REDIS_URL === undefined ? test.skip : test;

onRedis('the tour on redis: a service is killed half-way, and everything adds up', async (t) => {
  const told = await tour(t, { REDIS_URL });
  t.regex(told, /SIGKILL service-2 is dead/);
  t.regex(told, /service-3 has taken its place/);
  t.regex(told, /✓ changes that the killed process had begun and not finished (\d+) = \1 finished by others/);
});

/** Runs it small; answers what it printed. */
async function tour(t: ExecutionContext, backend: NodeJS.ProcessEnv): Promise<string> {
  t.timeout(LIMIT_MS);
  const main = fileURLToPath(new URL('tour/main.js', import.meta.url));
  const env = { ...environment, ...backend, HOMEOSTAT_TOUR_SECONDS: SECONDS };
  const { stdout } = await run(process.execPath, [main], { timeout: LIMIT_MS, env });
  t.regex(stdout, /✓ changes accepted ([\d,]+) = [\d,]+ handled \+ [\d,]+ dead letters?/);
  t.regex(stdout, /✓ calls sent ([\d,]+) = \1 replies/);
  t.regex(stdout, /Everything adds up/);
  t.notRegex(stdout, /✗/);
  return stdout;
}
