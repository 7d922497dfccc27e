/** Yields, waits, answers, and says what becomes of it. */
import { actor, createNode } from 'homeostat';
import { BEAT, feed, type Said } from './streams.ts';

const { REDIS_URL: redis = '', NAMESPACE: namespace = '', NAME: name = '', CONCURRENCY = '8' } = process.env;

const say = (what: string, text: string): void => void process.send?.({ what, text } satisfies Said);
const node = await createNode({ redis, namespace, name, beat: BEAT });
await node.serve(
  actor(
    feed,
    {
      async *numbers(_input, { caller, signal }) {
        say('begun', caller);
        signal.addEventListener('abort', () => say('aborted', caller));
        try {
          for (let n = 0; ; n += 1) yield n;
        } finally {
          say('stopped', caller);
        }
      },
      wait: (text, { signal }) =>
        new Promise((resolve) => {
          say('waits', text);
          signal.addEventListener('abort', () => {
            say('left', text);
            resolve(text);
          });
        }),
      ask: (text) => {
        say('asked', text);
        return text;
      },
      tell: (text) => say('told', text),
    },
    { concurrency: Number(CONCURRENCY) },
  ),
);
process.send?.('ready');
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
