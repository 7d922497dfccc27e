/** What `redis()` accepts, parsed once at the door. */
import { Redis, type RedisOptions } from 'ioredis';
import { z } from 'zod';
import { ConfigError } from './core.ts';

/** Lanes of a single Redis: one, so that one read and one script serve all mailboxes. */
export const DEFAULT_LANES = 1;
/** A command that brings no byte for this long gives its connection up, ms. */
export const DEFAULT_COMMAND_TIMEOUT_MS = 3_000;

export interface RedisBackendOptions {
  /** `redis://user:password@host:port/db`, `rediss://…` or a socket path. */
  readonly url?: string | undefined;
  /** Options of ioredis (host, port, username, password, db, tls, sentinels …); they win over `url`. How it retries and queues is decided here. */
  readonly connection?: RedisOptions | undefined;
  /** Over how many slots mailboxes are spread. Default 1. Recorded at first use; every node must say the same. */
  readonly lanes?: number | undefined;
  /** The beat runs in a thread of its own, so that a blocked event loop does not lose the node. Default true. */
  readonly beatThread?: boolean | undefined;
  /** Refuse to start unless `maxmemory-policy` is `noeviction`. Default false: a warning. */
  readonly strictEviction?: boolean | undefined;
  /** A command that brings no answer for this long gives its connection up, ms. Default 3 s. */
  readonly commandTimeoutMs?: number | undefined;
}

export interface ParsedOptions {
  readonly connection: RedisOptions;
  readonly address: string;
  readonly lanes: number;
  readonly beatThread: boolean;
  readonly strictEviction: boolean;
  readonly commandTimeoutMs: number;
}

const shape = z.strictObject({
  url: z.string().min(1).optional(),
  connection: z
    .custom<RedisOptions>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'must be an object of ioredis options',
    )
    .optional(),
  lanes: z.number().int().min(1).max(1024).default(DEFAULT_LANES),
  beatThread: z.boolean().default(true),
  strictEviction: z.boolean().default(false),
  commandTimeoutMs: z.number().int().min(100).max(60_000).default(DEFAULT_COMMAND_TIMEOUT_MS),
});

/** Throws `ConfigError` naming the path of what is wrong; never the value, which may hold a password. */
export function parseOptions(input: string | RedisBackendOptions): ParsedOptions {
  const parsed = shape.safeParse(typeof input === 'string' ? { url: input } : input);
  if (!parsed.success) {
    throw new ConfigError(
      `redis options: ${parsed.error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`).join('; ')}`,
    );
  }
  const { url, connection, ...rest } = parsed.data;
  if (url !== undefined && url.includes('://') && !/^rediss?:\/\//.test(url)) {
    throw new ConfigError('redis options: url: must begin with redis:// or rediss://');
  }
  if (connection?.keyPrefix !== undefined && connection.keyPrefix !== '') {
    throw new ConfigError(
      'redis options: connection.keyPrefix: keys carry the namespace already; set the namespace of the node instead',
    );
  }
  // When to reconnect is decided by connection.ts; left in, these functions would keep the beat from its thread.
  const { retryStrategy: _, reconnectOnError: __, ...resolved } = resolve(url, connection);
  return { ...rest, connection: resolved, address: addressOf(resolved) };
}

/** ioredis knows how to read its own URLs: the options it makes of one, without connecting. */
function resolve(url: string | undefined, connection: RedisOptions | undefined): RedisOptions {
  if (url === undefined) return { ...connection };
  const probe = new Redis(url, { lazyConnect: true });
  const { host, port, path, username, password, db, tls, family } = probe.options;
  const fromUrl: Record<string, unknown> = { host, port, path, username, password, db, tls, family };
  for (const key of Object.keys(fromUrl)) if (fromUrl[key] === undefined || fromUrl[key] === null) delete fromUrl[key];
  return { ...fromUrl, ...connection };
}

/** Where Redis is, without secrets. */
function addressOf(options: RedisOptions): string {
  if (options.sentinels !== undefined && options.sentinels !== null) return `sentinel ${options.name ?? ''}`.trim();
  if (options.path !== undefined && options.path !== null) return options.path;
  return `${options.host ?? 'localhost'}:${options.port ?? 6379}`;
}
