/** Short plays that need the guards of keyed actors. They answer what is wrong in the end. */
import { KeyedStage } from './keyed-stage.ts';
import { BEAT } from './work.ts';

const DRAIN_MS = 15_000;

/** Order gate: messages of a few keys whose handlers take their time, on one service. */
export async function crowd(programs: string): Promise<string[]> {
  const [keys, messages] = [['a', 'b', 'c', 'd'], 20];
  const stage = await KeyedStage.open(1, programs);
  try {
    for (let n = 0; n < messages; n += 1)
      await Promise.all(keys.map((key) => stage.api.apply.cast({ n, ms: 2 }, { key })));
    return await stage.faults(keys, messages, DRAIN_MS);
  } finally {
    await stage.close();
  }
}

/**
 * Fence: a node is stopped in a handler; others apply that message and more; then it wakes and ends its handler before it
 * can hear of anything.
 */
export async function sleeper(programs: string): Promise<string[]> {
  const messages = 10;
  const stage = await KeyedStage.open(1, programs);
  try {
    const [victim] = stage.services;
    const running = new Promise((resolve) => victim!.child.on('message', resolve));
    await stage.api.apply.cast({ n: 0, ms: BEAT.ttlMs / 2, how: 'block' }, { key: 'k' });
    for (let n = 1; n < messages; n += 1) await stage.api.apply.cast({ n }, { key: 'k' });
    await running;
    victim!.kill('SIGSTOP');
    const heir = await stage.start();
    await stage.until('another one has applied all', async () => (await stage.depth()) === 0, DRAIN_MS);
    victim!.kill('SIGCONT');
    await stage.until('it serves again', () => stage.serving() === 2, DRAIN_MS);
    // So that what is in Redis is read, and not what the heir remembers.
    await stage.kill(heir);
    return await stage.faults(['k'], messages, DRAIN_MS);
  } finally {
    await stage.close();
  }
}
