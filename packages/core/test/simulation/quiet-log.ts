import type { Log } from '../../src/ground/log.ts';

/** A log that keeps nothing but what was worth a warning, without its details. */
export function quietLog(said: (evt: string, text: string) => void): Log {
  const silent = (): void => undefined;
  const loud = ({ evt, reason }: { evt: string; reason?: string }, text: string): void =>
    said(evt, reason === undefined ? text : `${text}: ${reason}`);
  const log = { trace: silent, debug: silent, info: silent, warn: loud, error: loud, fatal: loud, child: () => log };
  return log as unknown as Log;
}
