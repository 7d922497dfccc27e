import type { Connection } from './connection.ts';
import { sleep } from './core.ts';

/** Between two tries to interrupt a read that may not have reached the server yet, ms. */
const AGAIN_MS = 2;
/** The same where there is no way to the server just now, ms. */
const AWAY_MS = 100;

/** Ends a blocking read of that client as long as it is `unwanted`; repeated, for it may still be on its way to the server. */
export async function unblock(
  command: Connection,
  clientId: () => string,
  unwanted: () => object | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (let meant = unwanted(); meant !== undefined; meant = unwanted()) {
    try {
      const ended = await command.sendText<number>('client', ['UNBLOCK', clientId()]);
      if (ended === 1 && unwanted() === meant) return;
    } catch {
      await sleep(AWAY_MS, signal);
    }
    await sleep(AGAIN_MS, signal);
  }
}
