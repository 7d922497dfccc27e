/** A service process of the crash tests: handles, and writes down what it handled. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actor, createNode, redis } from 'homeostat';
import { HistoryWriter } from './history.ts';
import { recording } from './recording.ts';
import { BEAT, work } from './work.ts';

const {
  REDIS_URL: url = '',
  NAMESPACE: namespace = '',
  HISTORY: folder = '',
  NAME: name = '',
  CONCURRENCY: concurrency = '16',
} = process.env;
const history = new HistoryWriter(folder, name);

process.on('warning', (warning) =>
  history.add({ type: 'trouble', what: `${name}: ${warning.name}: ${warning.message}`, at: Date.now() }),
);
process.on('uncaughtExceptionMonitor', (error) =>
  history.add({ type: 'trouble', what: `${name}: ${String(error.stack)}`, at: Date.now() }),
);

const handled = async (job: { id: string; ms: number }, messageId: string, attempt: number): Promise<string> => {
  history.add({ type: 'start', id: job.id, at: Date.now(), messageId, attempt, node: node.id });
  if (job.ms > 0) await sleep(job.ms);
  history.add({ type: 'end', id: job.id, at: Date.now(), messageId, node: node.id });
  return job.id;
};

const node = await createNode({ backend: recording(redis(url), history), namespace, name, beat: BEAT });
await node.serve(
  actor(
    work,
    {
      run: async (job, ctx) => {
        await handled(job, ctx.messageId, ctx.attempt);
      },
      ask: (job, ctx) => handled(job, ctx.messageId, ctx.attempt),
    },
    { concurrency: Number(concurrency) },
  ),
);
process.send?.('ready');
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
