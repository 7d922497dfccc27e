/** The logger of a worker thread: it writes nothing itself, it posts to the log of the thread that owns the pool. */
import { format, inspect } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import type { Log } from '../../ground/log.ts';
import { LOG_LEVELS, type LogLevel, type LogLine } from './thread-link.ts';

/** How deep a value that cannot be cloned is shown. */
const INSPECT_DEPTH = 4;

/** A pino-shaped logger that posts its lines; those below `level` cost nothing. */
export function postingLog(port: MessagePort, level: string, bindings: object = {}): Log {
  const least = LOG_LEVELS.indexOf(level as LogLevel);
  const log: Record<string, unknown> = {
    child: (more: object) => postingLog(port, level, { ...bindings, ...more }),
  };
  for (const [rank, name] of LOG_LEVELS.entries()) {
    const heard = level !== 'silent' && rank >= least;
    log[name] = heard ? (...args: unknown[]) => post(port, lineOf(name, bindings, args)) : () => undefined;
  }
  return log as unknown as Log;
}

function lineOf(level: LogLevel, bindings: object, args: readonly unknown[]): LogLine {
  const [first, ...rest] = args;
  if (typeof first === 'string') return { level, bindings, message: format(first, ...rest) };
  const merged = first instanceof Error ? { ...bindings, err: first } : { ...bindings, ...(first as object) };
  return { level, bindings: merged, message: rest.length === 0 ? undefined : format(...rest) };
}

function post(port: MessagePort, line: LogLine): void {
  try {
    port.postMessage(line);
  } catch {
    port.postMessage({ ...line, bindings: { shown: inspect(line.bindings, { depth: INSPECT_DEPTH }) } });
  }
}

/** Writes a line that a thread has posted. */
export function writeLine(log: Log, line: LogLine): void {
  log[line.level](line.bindings as object, line.message);
}
