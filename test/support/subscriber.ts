/** A subscriber process: handles what is published as a member of its group, and writes down what it handled. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode } from 'homeostat';
import { HistoryWriter } from './history.ts';
import { topicOfTest } from './topic-of-test.ts';
import { watchTroubles } from './troubles.ts';
import { BEAT } from './work.ts';

const { REDIS_URL: redis = '', NAMESPACE: namespace = '', HISTORY: folder = '', NAME: name = '' } = process.env;
const { GROUP: group = '', WORK_MS: workMs = '0' } = process.env;

const history = new HistoryWriter(folder, name);
watchTroubles(history, name);
const node = await createNode({ redis, namespace, name, beat: BEAT });
await node.subscribe(
  topicOfTest,
  async ({ id }, { messageId, attempt }) => {
    history.add({ type: 'start', id, at: Date.now(), messageId, attempt, node: node.id });
    if (Number(workMs) > 0) await sleep(Number(workMs));
    history.add({ type: 'end', id, at: Date.now(), messageId, node: node.id });
  },
  { group, concurrency: 8 },
);
process.send?.('ready');
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
