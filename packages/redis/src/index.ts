/**
 * The Redis backend: mailboxes on streams, membership by beats, every move one script. Needs Redis 7.0 or Valkey, with
 * `maxmemory-policy noeviction`. What is accepted is as durable as that Redis is configured to be.
 */
import type { Backend } from './core.ts';
import { RedisLink } from './link.ts';
import { parseOptions, type RedisBackendOptions } from './options.ts';

/**
 * A backend on Redis. `options` is a URL (`redis://user:password@host:port/db`) or `RedisBackendOptions`.
 * Throws `ConfigError` naming the path of a wrong option; its `connect` rejects with `TransportError` when Redis cannot
 * be reached, `ConfigError` when it is too old, `LayoutMismatch` when the namespace was created with other lanes.
 */
export function redis(options: string | RedisBackendOptions): Backend {
  const parsed = parseOptions(options);
  return {
    name: `redis ${parsed.address}`,
    connect: (identity) => RedisLink.open(parsed, identity),
  };
}

export type { RedisBackendOptions } from './options.ts';
