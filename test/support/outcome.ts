/** Sends one request and writes down what became of it. */
import { HomeostatError } from 'homeostat';
import type { HistoryWriter } from './history.ts';

export async function recorded(
  history: HistoryWriter,
  id: string,
  call: boolean,
  send: () => Promise<unknown>,
): Promise<void> {
  history.add({ type: 'attempt', id, at: Date.now(), call });
  try {
    await send();
    history.add({ type: 'ok', id, at: Date.now() });
  } catch (error) {
    const known = error instanceof HomeostatError ? error : undefined;
    const outcome = known?.outcome ?? 'unknown';
    history.add({ type: 'refused', id, at: Date.now(), outcome, code: known?.code ?? String(error) });
  }
}
