/** A log that says nothing: the beat thread tells the main thread what matters, and that one logs. */
import type { Log } from './core.ts';

const nothing = (): void => undefined;

export const quietLog: Log = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: (() => quietLog) as unknown as Log['child'],
};
