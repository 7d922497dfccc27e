import { pino, type Logger } from 'pino';

/** The part of a pino logger that the runtime uses; any logger of that shape may be given. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child'>;

/** A pino logger at `LOG_LEVEL` (default `warn`), on stderr so that a program's own output stays clean. */
export function defaultLog(): Log {
  return pino(
    { name: 'homeostat', level: process.env['LOG_LEVEL'] ?? 'warn' },
    pino.destination({ dest: 2, sync: true }),
  );
}
