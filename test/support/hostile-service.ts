/** A service process that counts what it handles, for a mailbox full of mutated frames. */
import { actor, createNode } from 'homeostat';
import { HistoryWriter } from './history.ts';
import { hostile, NEIGHBOUR, type Said } from './hostile.ts';
import { watchTroubles } from './troubles.ts';
import { BEAT } from './work.ts';

const { REDIS_URL: url = '', NAMESPACE: namespace = '', HISTORY: folder = '', NAME: name = '' } = process.env;
const SAY_MS = 100;

watchTroubles(new HistoryWriter(folder, name), name);
const neighbours = new Set<string>();
let handled = 0;

const node = await createNode({ redis: url, namespace, name, beat: BEAT });
await node.serve(
  actor(hostile, {
    take({ id }) {
      handled += 1;
      if (id.startsWith(NEIGHBOUR)) neighbours.add(id);
    },
  }),
);
process.send?.('ready');
const saying = setInterval(() => {
  process.send?.({ handled, neighbours: neighbours.size, rssBytes: process.memoryUsage.rss() } satisfies Said);
}, SAY_MS);
process.on('disconnect', () => {
  clearInterval(saying);
  void node.close().then(() => process.exit(0));
});
