/** Whatever a process under test should never have to say goes into its history. */
import type { HistoryWriter } from './history.ts';

export function watchTroubles(history: HistoryWriter, name: string): void {
  const add = (what: string): void => history.add({ type: 'trouble', what: `${name}: ${what}`, at: Date.now() });
  process.on('warning', (warning) => add(`${warning.name}: ${warning.message}`));
  process.on('uncaughtExceptionMonitor', (error, origin) => add(`${origin}: ${String(error.stack)}`));
}
