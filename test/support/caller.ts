/** A caller process of the crash tests: sends at a steady rate until told to stop, and writes down what became of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode } from 'homeostat';
import { HistoryWriter } from './history.ts';
import { recorded } from './outcome.ts';
import { watchTroubles } from './troubles.ts';
import { BEAT, work } from './work.ts';

const {
  REDIS_URL: url = '',
  NAMESPACE: namespace = '',
  HISTORY: folder = '',
  NAME: name = '',
  RATE: rate = '200',
  CALL_MS: callMs = '10000',
} = process.env;
/** Requests are sent in bursts this far apart, ms. */
const BURST_MS = 20;
/** One request in four is a call, one in five takes its time, ms: there is always one to be interrupted. */
const CALL_EVERY = 4;
const SLOW_EVERY = 5;
const SLOW_MS = 40;

const history = new HistoryWriter(folder, name);
watchTroubles(history, name);
const node = await createNode({ redis: url, namespace, name, beat: BEAT });
const api = node.client(work, { timeoutMs: Number(callMs) });
const running = new Set<Promise<void>>();
let sending = true;
let sent = 0;

function send(): void {
  sent += 1;
  const id = `${name}-${sent}`;
  const call = sent % CALL_EVERY === 0;
  const job = { id, ms: sent % SLOW_EVERY === 0 ? SLOW_MS : 0 };
  const ended = recorded(history, id, call, () => (call ? api.ask(job) : api.run.cast(job)));
  running.add(ended);
  void ended.then(() => running.delete(ended));
}

process.on('message', (message) => {
  if (message === 'stop') sending = false;
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
while (sending) {
  for (let one = 0; one < (Number(rate) * BURST_MS) / 1_000; one += 1) send();
  await sleep(BURST_MS);
}
await Promise.all(running);
await node.close();
process.disconnect();
