/** Streams and calls between real processes, one of which is killed without a word. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { createNode, type ActorNode, type HomeostatError } from 'homeostat';
import { waitFor } from 'homeostat/testing';
import { Program } from './support/program.ts';
import { RedisProcess } from './support/redis-process.ts';
import { BEAT, feed, type Said } from './support/streams.ts';

process.env['LOG_LEVEL'] = 'silent';

/** From the death of a node until everybody has drawn the consequences, ms. */
const IN_TIME_MS = BEAT.ttlMs + 1_000;
/** The machine may be late: the best of some rounds counts. */
const ROUNDS = 2;

interface House {
  readonly node: ActorNode;
  start(kind: 'service' | 'reader', name: string, concurrency?: number): Promise<Talking>;
}

interface Talking {
  readonly program: Program;
  readonly said: string[];
}

async function house(t: ExecutionContext): Promise<House> {
  t.timeout(120_000);
  const redis = await RedisProcess.start();
  const namespace = `streams-${process.pid}`;
  const programs: Program[] = [];
  const node = await createNode({ redis: redis.url, namespace, name: 'test', beat: BEAT, signals: false });
  t.teardown(async () => {
    await node.close({ drainMs: 0 });
    await Promise.all(programs.map((program) => program.end('SIGKILL', () => program.kill('SIGKILL'))));
    await redis.stop();
  });
  const start: House['start'] = async (kind, name, concurrency = 8) => {
    const said: string[] = [];
    const file = join(fileURLToPath(new URL('support', import.meta.url)), `stream-${kind}.js`);
    const env = { REDIS_URL: redis.url, NAMESPACE: namespace, CONCURRENCY: String(concurrency) };
    const program = await Program.start(file, name, env);
    program.child.on('message', ({ what, text }: Said) => said.push(`${what} ${text}`));
    programs.push(program);
    return { program, said };
  };
  return { node, start };
}

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 20_000, what });

test.serial(
  'a producer that is killed ends its stream with a typed error within the TTL and a second (S3-35)',
  async (t) => {
    const { node, start } = await house(t);
    const times: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { program } = await start('service', `service-${round}`);
      let killedAt = 0;
      let read = 0;
      const error = await (async () => {
        for await (const n of node.client(feed).numbers(undefined, { timeoutMs: 20_000 })) {
          t.is(n, read);
          read += 1;
          if (read !== 50_000) continue;
          program.expected = 'SIGKILL';
          program.kill('SIGKILL');
          killedAt = performance.now();
        }
      })().then(
        () => undefined,
        (thrown: HomeostatError) => thrown,
      );
      times.push(performance.now() - killedAt);
      t.deepEqual([error?.code, error?.outcome], ['STREAM_BROKEN', 'unknown']);
      t.true(read >= 50_000);
    }
    t.log(`told after ${times.map(Math.round).join(', ')} ms`);
    t.true(Math.min(...times) < IN_TIME_MS);
    t.is(node.stats().pendingCalls, 0);
  },
);

test.serial(
  'what a killed caller waited for is stopped within the TTL and a second; work that it wanted skipped is not begun (S3-35)',
  async (t) => {
    const { node, start } = await house(t);
    // A stream and a call; whatever else comes waits in the mailbox.
    const service = await start('service', 'service', 2);
    const times: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const name = `reader-${round}`;
      const { program } = await start('reader', name);
      await until('the call to wait', () => service.said.includes(`waits call of ${name}`));
      await until('the rest to have left', async () => (await node.depth(feed)).messages === 6);
      const killedAt = performance.now();
      await program.end('SIGKILL', () => program.kill('SIGKILL'));
      const stopped = ['aborted', 'stopped'].map((what) => `${what} ${name}`);
      const heard = (line: string): boolean => service.said.some((said) => said.startsWith(line));
      await until('the stream and the call to stop', () => [...stopped, `left call of ${name}`].every(heard));
      times.push(performance.now() - killedAt);
      await until('nothing to be left over', async () => (await node.depth(feed)).messages === 0);
      await until('what it wanted run to be done', () => [`asked run of ${name}`, `told run of ${name}`].every(heard));
    }
    t.deepEqual(
      service.said.filter((line) => line.includes('skip')),
      [],
    );
    t.log(`told after ${times.map(Math.round).join(', ')} ms`);
    t.true(Math.min(...times) < IN_TIME_MS);
  },
);
