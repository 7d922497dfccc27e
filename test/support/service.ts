/** A service process of the crash tests: handles, and writes down what it handled. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actor, createNode, redis } from 'homeostat';
import { HistoryWriter } from './history.ts';
import { recording } from './recording.ts';
import { watchTroubles } from './troubles.ts';
import { BEAT, work, type Job } from './work.ts';

const {
  REDIS_URL: url = '',
  NAMESPACE: namespace = '',
  HISTORY: folder = '',
  NAME: name = '',
  CONCURRENCY: concurrency = '16',
} = process.env;
/** How an `exit` job ends this process. */
const DEADLY_EXIT = 70;

const history = new HistoryWriter(folder, name);
watchTroubles(history, name);

async function handle({ id, ms, how }: Job, messageId: string, attempt: number): Promise<string> {
  history.add({ type: 'start', id, at: Date.now(), messageId, attempt, node: node.id });
  if (how === 'exit') process.exit(DEADLY_EXIT);
  if (how === 'block') for (const until = performance.now() + ms; performance.now() < until;);
  else if (ms > 0) await sleep(ms);
  history.add({ type: 'end', id, at: Date.now(), messageId, node: node.id });
  return id;
}

const node = await createNode({ backend: recording(redis(url), history), namespace, name, beat: BEAT });
await node.serve(
  actor(
    work,
    {
      run: async (job, ctx) => {
        await handle(job, ctx.messageId, ctx.attempt);
      },
      ask: (job, ctx) => handle(job, ctx.messageId, ctx.attempt),
    },
    { concurrency: Number(concurrency) },
  ),
);
process.send?.('ready');
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
