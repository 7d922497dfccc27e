import { pino } from 'pino';
import type { ActorNode } from '../../node/node.ts';
import type { ActorOptions } from '../../node/options.ts';
import { tally, Witness } from './keyed-witness.ts';
import { gate, rejection, until, type NodeStage, type Promised } from './stage.ts';

/** Serves an actor whose message 0 runs until `open`, the first time, deaf to its signal. */
async function serveDeaf(stage: NodeStage, options: ActorOptions = {}): Promise<Deaf> {
  const { opened, open } = gate();
  const witness = new Witness();
  const began: number[] = [];
  const handle = async (n: number): Promise<void> => {
    began.push(n);
    if (n === 0 && began.length === 1) await opened;
  };
  const waits: string[] = [];
  const write = (line: string): void => {
    const { evt, messageId } = JSON.parse(line) as { readonly evt?: string; readonly messageId?: string };
    if (evt === 'key_taken') waits.push(messageId ?? '');
  };
  const log = pino({ level: 'warn' }, { write });
  const server = await stage.serving(witness.actor(1, handle, options), 'server', { log });
  return { server, witness, began, waits, open };
}

interface Deaf {
  readonly server: ActorNode;
  readonly witness: Witness;
  /** Messages whose handler has been started, in order. */
  readonly began: readonly number[];
  /** Messages of which the log says that they wait for a handler. */
  readonly waits: readonly string[];
  open(): void;
}

export function keyedRunningOn(promised: Promised): void {
  promised('a call that was cancelled ends at once, and its key waits until its handler has', async (t, stage) => {
    const { server, witness, began, waits, open } = await serveDeaf(stage);
    const api = (await stage.node('caller')).client(tally, { retry: false });
    const controller = new AbortController();
    const cancelled = rejection(api.ask(0, { key: 'k', timeoutMs: 500, signal: controller.signal }));
    await until('it to run', () => began.length === 1);
    for (const n of [1, 2]) await api.add.cast(n, { key: 'k' });
    controller.abort();
    t.is((await cancelled).code, 'ABORTED');
    await until('it to be given up', () => server.stats().inFlight === 0);
    t.is(await api.ask(3, { key: 'other' }), 3);
    await until('it to be settled', async () => (await server.depth(tally)).messages === 2);
    t.deepEqual(began, [0, 3]);
    t.is(waits.length, 1);
    open();
    await until('those behind it to run', () => witness.done.get('k')?.length === 3);
    t.deepEqual(witness.done.get('k'), [0, 1, 2]);
    t.deepEqual(witness.overlaps, []);
  });

  promised(
    'a cast that was given up is not tried again beside its handler, nor overtaken by the next one of its key',
    async (t, stage) => {
      const { witness, began, waits, open } = await serveDeaf(stage, { maxRunMs: 50 });
      const api = (await stage.node('caller')).client(tally);
      for (const n of [0, 1]) await api.add.cast(n, { key: 'k' });
      await until('it to be given up, and its time to have come again', () => waits.length === 1);
      t.is(await api.ask(3, { key: 'other' }), 3);
      t.deepEqual(began, [0, 3]);
      open();
      await until('all to run', () => witness.done.get('k')?.length === 3);
      t.deepEqual(witness.done.get('k'), [0, 0, 1]);
      t.deepEqual(witness.overlaps, []);
    },
  );
}
