/** A sink that writes each notice to a log. */
import { z } from 'zod';
import type { Log } from '../../ground/log.ts';
import { parseOptions } from '../../ground/parse-options.ts';
import type { Severity } from '../alert.ts';
import { SEVERITIES } from '../severity.ts';
import type { AlertSink } from '../subscriber.ts';

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface LogSinkOptions {
  /** Default: the node's. */
  readonly log?: Log | undefined;
  /** At which level pain is written. Default: critical `fatal`, high `error`, medium `warn`, low `info`. Pleasure is `info`. */
  readonly levels?: Readonly<Partial<Record<Severity, LogLevel>>> | undefined;
  /** Of its group. Default `log`. */
  readonly name?: string | undefined;
}

const LEVELS: Readonly<Record<Severity, LogLevel>> = { critical: 'fatal', high: 'error', medium: 'warn', low: 'info' };
const DEFAULT_NAME = 'log';

const optionsSchema = z.strictObject({
  log: z.custom<Log>((value) => typeof value === 'object' && value !== null, 'must be a pino logger').optional(),
  levels: z.partialRecord(z.enum(SEVERITIES), z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])).default({}),
  name: z.string().min(1).max(120).default(DEFAULT_NAME),
});

/** Writes one line (evt `alert`) for each notice. @throws ConfigError naming a wrong option. */
export function logSink(options: LogSinkOptions = {}): AlertSink {
  const { log: given, levels, name } = parseOptions(optionsSchema, options, 'logSink');
  return {
    name,
    human: false,
    handle: (alert, { log, notice, digest }) => {
      const { id, type, severity, kind, source, state, level: reached, count, message } = alert;
      const at = type === 'pleasure' ? 'info' : (levels[severity] ?? LEVELS[severity]);
      const facts = { id, type, severity, kind, ...source, state, reached, count, notice: notice.n, why: notice.why };
      (given ?? log)[at]({ evt: 'alert', ...facts, ...(digest && { digest }) }, message);
    },
  };
}
