/** Real processes: a member of one group is killed in the middle, and no group loses anything. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNode } from 'homeostat';
import test from 'ava';
import { HistoryReader } from './support/history.ts';
import { Program } from './support/program.ts';
import { RedisProcess } from './support/redis-process.ts';
import { topicOfTest } from './support/topic-of-test.ts';
import { BEAT } from './support/work.ts';

const MESSAGES = 600;
const WITHIN_MS = 30_000;
const NAMESPACE = 'topics-crash';

process.env['LOG_LEVEL'] = 'silent';

test.serial('a consumer of one group is killed with SIGKILL in the middle, and no group loses a message', async (t) => {
  t.timeout(90_000);
  const redis = await RedisProcess.start();
  const folder = mkdtempSync(join(tmpdir(), 'homeostat-topics-'));
  const history = new HistoryReader(folder);
  const programs: Program[] = [];
  const node = await createNode({
    redis: redis.url,
    namespace: NAMESPACE,
    name: 'publisher',
    beat: BEAT,
    signals: false,
  });
  t.teardown(async () => {
    await node.close({ drainMs: 0 });
    await Promise.all(programs.map((program) => program.end('SIGKILL', () => program.kill('SIGKILL'))));
    history.close();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = async (name: string, group: string, workMs: number): Promise<Program> => {
    const file = fileURLToPath(new URL('support/subscriber.js', import.meta.url));
    const program = await Program.start(file, name, {
      ...{ REDIS_URL: redis.url, NAMESPACE, HISTORY: folder, GROUP: group, WORK_MS: String(workMs) },
    });
    programs.push(program);
    return program;
  };
  const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (const end = performance.now() + WITHIN_MS; !(await holds());) {
      if (performance.now() > end) throw new Error(`not within ${WITHIN_MS} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  /** Of the nodes of a group, by the beginning of their names: id → how often it was handled to its end. */
  const handled = (group: string): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const one of history.read())
      if (one.type === 'end' && one.node.startsWith(group)) counts.set(one.id, (counts.get(one.id) ?? 0) + 1);
    return counts;
  };

  const victim = await start('mailer-1', 'mailer', 5);
  await start('mailer-2', 'mailer', 5);
  await start('search-1', 'search', 0);
  const ids = Array.from({ length: MESSAGES }, (_, index) => `order-${index}`);
  const sent = Promise.all(ids.map((id) => node.publish(topicOfTest, { id })));
  await until(
    'the victim to have begun',
    () => history.read().some(({ type }) => type === 'start') && handled('mailer').size > 20,
  );
  const killedAt = handled('mailer').size;
  await victim.end('SIGKILL', () => victim.kill('SIGKILL'));
  await sent;
  await until(
    'both groups to have all',
    () => handled('mailer').size === MESSAGES && handled('search').size === MESSAGES,
  );
  await until('nothing to be left', async () => (await node.depth(topicOfTest, 'mailer')).messages === 0);
  t.true(killedAt < MESSAGES, 'it was in the middle');
  const begun = history.read().filter((one) => one.type === 'start' && victim.owns(one.node)).length;
  const again = [...handled('mailer').values()].filter((times) => times > 1).length;
  t.log(`killed after ${killedAt} of ${MESSAGES}; it had begun ${begun}, ${again} were ended twice`);
  // Its only process is gone: what is published now waits until there is another one.
  const [, , only] = programs;
  await only?.end('SIGKILL', () => only.kill('SIGKILL'));
  const late = ids.map((id) => `late-${id}`).slice(0, 100);
  await Promise.all(late.map((id) => node.publish(topicOfTest, { id })));
  t.deepEqual(
    [...handled('search').values()].filter((times) => times !== 1),
    [],
    'the other group had each once',
  );
  await start('search-2', 'search', 0);
  await until('it to have what came meanwhile', () => handled('search').size === MESSAGES + late.length);
  for (const group of ['mailer', 'search'])
    t.deepEqual(await node.deadLetters(topicOfTest, group).list(), [], `no dead letters of ${group}`);
});
