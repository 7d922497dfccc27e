/** A caller process of the crash tests: sends at a steady rate until told to stop, and writes down what became of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode, HomeostatError } from 'homeostat';
import { HistoryWriter } from './history.ts';
import { BEAT, work } from './work.ts';

const {
  REDIS_URL: url = '',
  NAMESPACE: namespace = '',
  HISTORY: folder = '',
  NAME: name = '',
  RATE: rate = '200',
} = process.env;
const history = new HistoryWriter(folder, name);
/** Requests are sent in bursts this far apart, ms. */
const BURST_MS = 20;

process.on('warning', (warning) =>
  history.add({ type: 'trouble', what: `${name}: ${warning.name}: ${warning.message}`, at: Date.now() }),
);
process.on('uncaughtExceptionMonitor', (error) =>
  history.add({ type: 'trouble', what: `${name}: ${String(error.stack)}`, at: Date.now() }),
);

const node = await createNode({ redis: url, namespace, name, beat: BEAT });
const api = node.client(work, { timeoutMs: 10_000 });
const running = new Set<Promise<void>>();
let sending = true;
let sent = 0;

function send(): void {
  sent += 1;
  const id = `${name}-${sent}`;
  const call = sent % 4 === 0;
  const job = { id, ms: sent % 8 === 0 ? 40 : 0 };
  history.add({ type: 'attempt', id, at: Date.now(), call });
  const request: Promise<unknown> = call ? api.ask(job) : api.run.cast(job);
  const ended = request.then(
    () => history.add({ type: 'ok', id, at: Date.now() }),
    (error: unknown) => {
      const known = error instanceof HomeostatError ? error : undefined;
      history.add({
        type: 'refused',
        id,
        at: Date.now(),
        outcome: known?.outcome ?? 'unknown',
        code: known?.code ?? String(error),
      });
    },
  );
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
process.send?.('stopped');
await node.close();
process.disconnect();
