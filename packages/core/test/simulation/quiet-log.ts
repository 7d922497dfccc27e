import type { Log } from '../../src/ground/log.ts';

/** A log that keeps nothing but what was worth a warning, without its details. */
export function quietLog(said: (evt: string, text: string) => void): Log {
  const silent = (): void => undefined;
  const loud = (about: unknown, text?: unknown): void => {
    const { evt, reason } = (typeof about === 'object' && about !== null ? about : {}) as Record<string, unknown>;
    said(String(evt ?? about), [text, reason].filter((part) => part !== undefined).join(': '));
  };
  const log = { trace: silent, debug: silent, info: silent, warn: loud, error: loud, fatal: loud, child: () => log };
  return log as unknown as Log;
}
