/** What the server must be able to do, asked once at connect. */
import type { Connection } from './connection.ts';
import { ConfigError, type Log } from './core.ts';
import { replyCode, transportError } from './errors.ts';

const OLDEST_MAJOR = 7;

/** Throws `ConfigError` for a server that cannot carry mailboxes; warns where it may lose them. */
export async function checkServer(connection: Connection, strictEviction: boolean, log: Log): Promise<void> {
  let info: string;
  try {
    info = `${await connection.sendText<string>('info', ['server'])}\n${await connection.sendText<string>('info', ['memory'])}`;
  } catch (error) {
    if (replyCode(error) !== 'NOPERM') throw transportError('INFO', error);
    log.warn(
      { redis: connection.address },
      'the Redis user may not INFO: version and maxmemory-policy are not checked',
    );
    return;
  }
  const version = field(info, 'redis_version');
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new ConfigError(
      `Redis ${version} at ${connection.address} is too old: scripts with flags need 7.0 or later (any Valkey will do)`,
    );
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return;
  const message = `Redis at ${connection.address} has maxmemory-policy ${policy}: it deletes mailboxes when memory runs short. Set maxmemory-policy noeviction.`;
  if (strictEviction) throw new ConfigError(message);
  log.warn({ redis: connection.address, policy }, message);
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
