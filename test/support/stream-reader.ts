/** Reads a stream slowly, waits for an answer, and leaves work in the mailbox. */
import { createNode } from 'homeostat';
import { BEAT, feed } from './streams.ts';

const { REDIS_URL: redis = '', NAMESPACE: namespace = '', NAME: name = '' } = process.env;

const node = await createNode({ redis, namespace, name, beat: BEAT });
const api = node.client(feed);
const stream = api.numbers();
await stream.next();
const waited = api.wait(`call of ${name}`);
for (const orphan of ['skip', 'run'] as const) {
  void api.ask(`${orphan} of ${name}`, { orphan }).catch(() => undefined);
  await api.tell.cast(`${orphan} of ${name}`, { orphan });
}
process.send?.('ready');
process.on('disconnect', () => process.exit(0));
await waited;
