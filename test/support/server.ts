/** A service process that serves one actor and tells what it hears; for tests of what nodes know of each other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actor, createNode } from 'homeostat';
import { echo, QUICK } from './echo.ts';

const { REDIS_URL: redis = '', NAMESPACE: namespace = '', NAME: name = '', CLOCK_OFF_MS: off = '0' } = process.env;

// A machine whose clock is wrong.
const { now } = Date;
Date.now = () => now() + Number(off);

const node = await createNode({ redis, namespace, name, beat: QUICK });
let ran = 0;
await node.serve(
  actor(echo, {
    who: () => name,
    slow: async (ms) => {
      ran += 1;
      await sleep(ms);
      return name;
    },
    fail: () => {
      throw new Error('it fails');
    },
  }),
);
process.on('message', (order: { call: 'fail'; times: number } | { call: 'ran' }) => {
  if (order.call === 'ran') {
    process.send?.({ ran });
    return;
  }
  void (async () => {
    const codes: string[] = [];
    for (let done = 0; done < order.times; done += 1) {
      const answer = await node.client(echo).fail.try();
      codes.push(answer.ok ? 'ok' : answer.error.code);
    }
    process.send?.({ codes });
  })();
});
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
process.send?.({ ready: node.id });
