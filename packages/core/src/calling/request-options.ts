import type { HomeostatError } from '../ground/errors.ts';
import { castOptionsSchema, MAX_KEY_LENGTH, requestOptionsSchema, streamOptionsSchema } from '../node/options.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { Priority } from '../contract/lines.ts';
import type { BreakerSetting, CacheSetting, RetrySetting, WhenFull } from '../policies/service-settings.ts';

/** How a call is sent. Give either `timeoutMs` or `deadline`. */
export interface RequestOptions {
  /** How long to wait for the answer (a cast: for its acceptance), ms. Default: the method's, the client's, the node's (30 s). */
  readonly timeoutMs?: number | undefined;
  /** Absolute, ms since the epoch in backend time. A cast that is not handled by then becomes a dead letter. */
  readonly deadline?: number | undefined;
  /** Ends the wait; of a call that has left it aborts the handler's `ctx.signal` too, on whichever node. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Travels with the message; the handler reads it as `ctx.key`. 1 to 512 characters. A keyed actor handles one message of
   * a key at a time, in order, and asks for one with each request.
   */
  readonly key?: string | undefined;
  /**
   * Names what is asked for: 1 to 256 printable ASCII characters. What comes with the same id, method and key while the first
   * runs gets its answer too, and so does what comes within the method's `onceMs` (1 h) after that: the handler runs once.
   */
  readonly id?: string | undefined;
  /** Travel with the message; the handler reads them as `ctx.headers`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of a contract with `priorities`. Default `normal`. */
  readonly priority?: Priority | undefined;
  /** Of calls: `false`, a profile's name, or fields. Default: the service's. */
  readonly retry?: RetrySetting | undefined;
  /** Of calls: `false`, a profile's name, or fields. Default: the service's. */
  readonly breaker?: BreakerSetting | undefined;
  /** Of calls: answer from the shared cache; `refresh` asks the service and stores its answer. Default: the service's, off. */
  readonly cache?: 'refresh' | CacheSetting | undefined;
  /** Of calls: what to answer when the call has failed for good. */
  readonly fallback?: ((error: HomeostatError, input: unknown) => unknown) | undefined;
  /** Where there is no room: `reject`, or `wait` in line as long as there is time. Default: the client's, the service's, `reject`. */
  readonly whenFull?: WhenFull | undefined;
  /** When this node is gone before it has begun: `skip` it, or `run` it (default). What runs of a call is told by `ctx.signal`. */
  readonly orphan?: 'skip' | 'run' | undefined;
  /** Only instances that have all of these tags. */
  readonly tags?: readonly string[] | undefined;
  /** Only the node of this id. When it dies before it has handled the message, another one does. */
  readonly node?: string | undefined;
}

/**
 * How a stream is asked for. `timeoutMs` is the longest wait for the next item, while you wait for it (default: as of calls);
 * `deadline` bounds all of it (default: none).
 */
export type StreamOptions = Pick<
  RequestOptions,
  | 'timeoutMs'
  | 'deadline'
  | 'signal'
  | 'key'
  | 'headers'
  | 'priority'
  | 'orphan'
  | 'retry'
  | 'breaker'
  | 'tags'
  | 'node'
>;

/** How a cast is sent. Give either `delayMs` or `at`. */
export interface CastOptions extends Omit<RequestOptions, 'retry' | 'breaker' | 'cache' | 'fallback'> {
  /** Handled no sooner than this from now, ms; at most 2,147,483,647 (24 days). For longer, `at`. */
  readonly delayMs?: number | undefined;
  /** Handled no sooner than this moment, ms since the epoch in backend time. */
  readonly at?: number | Date | undefined;
}

/** @throws ConfigError naming the option that is wrong or unknown. */
export function checkRequestOptions(options: RequestOptions, subject: string): RequestOptions {
  if (isKeyAlone(options)) return options;
  return parseOptions(requestOptionsSchema, options, `${subject}: options`);
}

/** @throws ConfigError naming the option that is wrong or unknown. */
export function checkStreamOptions(options: StreamOptions, subject: string): StreamOptions {
  return parseOptions(streamOptionsSchema, options, `${subject}: options`);
}

/** @throws ConfigError naming the option that is wrong or unknown. */
export function checkCastOptions(options: CastOptions, subject: string): CastOptions {
  if (isKeyAlone(options)) return options;
  return parseOptions(castOptionsSchema, options, `${subject}: options`);
}

/** Most that is sent to keyed actors says no more than its key: that it is a right one is seen faster than by a schema. */
function isKeyAlone(options: Pick<RequestOptions, 'key'>): boolean {
  if (typeof options !== 'object' || options === null) return false;
  for (const name in options) if (name !== 'key') return false;
  const { key } = options;
  return typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH;
}
