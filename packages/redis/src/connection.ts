/**
 * One connection that comes back by itself. Every epoch is a new ioredis client that never reconnects and never
 * queues: so nothing can be sent twice, and nothing waits for a client that parked itself. What was in flight when an
 * epoch ended rejects with outcome `unknown`; what is asked between two epochs rejects as `not-executed`.
 */
import { Command, Redis, type RedisOptions } from 'ioredis';
import type { Log } from './core.ts';
import { TransportError } from './core.ts';
import { describeBreak, notConnected, transportError } from './errors.ts';

/** Longest wait between two attempts to connect, ms. Full jitter below it. */
const BACKOFF_CAP_MS = 2_000;
const BACKOFF_BASE_MS = 50;
/** Opening the TCP connection may take this long, ms. */
const CONNECT_TIMEOUT_MS = 5_000;

export type Argument = string | number | Buffer;

export interface ConnectionProfile {
  /** What it is for: appears in logs. */
  readonly purpose: string;
  /** Without any byte for this long while something is in flight, the socket is given up, ms. */
  readonly socketTimeoutMs: number;
  /** Commands of one tick leave in one write. Not for a reader: its next read shall leave at once. */
  readonly cork: boolean;
}

/** A write of this size is worth a system call of its own at once, bytes. */
const LARGE_BYTES = 8_192;

export class Connection {
  readonly address: string;
  readonly #options: RedisOptions & { readonly replyMapping: 'legacy' };
  readonly #profile: ConnectionProfile;
  readonly #log: Log;
  readonly #waiting = new Set<() => void>();
  #client: Redis | undefined;
  #ready = false;
  #closed = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #corked = false;
  #lastFailure: unknown;
  /** Counts the times this connection became ready. */
  epoch = 0;
  /** When something was last sent (performance.now). */
  lastUsed = 0;
  /** Called each time the connection is usable, and each time it is no more. */
  onReady: (() => void) | undefined;
  onLost: (() => void) | undefined;

  constructor(options: RedisOptions, address: string, profile: ConnectionProfile, log: Log) {
    this.#options = {
      ...options,
      protocol: 2,
      replyMapping: 'legacy',
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      disableClientInfo: true,
      enableAutoPipelining: false,
      enableReadyCheck: true,
      maxLoadingRetryTime: 200,
      connectTimeout: options.connectTimeout ?? CONNECT_TIMEOUT_MS,
      socketTimeout: profile.socketTimeoutMs,
      retryStrategy: null,
      reconnectOnError: null,
      // The stream is destroyed right after; where it was closed before, the timer would keep the process for 2 s.
      disconnectTimeout: 0,
    };
    this.address = address;
    this.#profile = profile;
    this.#log = log;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get open(): boolean {
    return this.#client !== undefined && !this.#closed;
  }

  /** Connects once; rejects with `TransportError` naming the address. Afterwards it comes back by itself. */
  async connect(): Promise<void> {
    try {
      await this.#attempt();
    } catch (error) {
      throw new TransportError(`cannot reach Redis at ${this.address}: ${describeBreak(this.#lastFailure ?? error)}`, {
        outcome: 'not-executed',
        retryable: true,
      });
    }
  }

  /** Starts connecting and comes back by itself, without waiting. */
  start(): void {
    this.#attempt().catch(() => this.#later());
  }

  /** Resolves once usable; `undefined` signal: waits for ever. Rejects when closed or aborted. */
  whenReady(signal?: AbortSignal): Promise<void> {
    if (this.#ready) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!this.#ready && !this.#closed && signal?.aborted !== true) return;
        this.#waiting.delete(check);
        signal?.removeEventListener('abort', check);
        if (this.#ready) resolve();
        else
          reject(
            signal?.aborted === true ? (signal.reason as Error) : notConnected('connect', this.address, this.#closed),
          );
      };
      this.#waiting.add(check);
      signal?.addEventListener('abort', check, { once: true });
      check();
    });
  }

  /** Sends one command; replies are Buffers. */
  send<T>(name: string, args: readonly Argument[]): Promise<T> {
    return this.#send(name, args, null) as Promise<T>;
  }

  /** Sends one command; replies are strings. */
  sendText<T>(name: string, args: readonly Argument[]): Promise<T> {
    return this.#send(name, args, 'utf8') as Promise<T>;
  }

  #send(name: string, args: readonly Argument[], replyEncoding: BufferEncoding | null): Promise<unknown> {
    const client = this.#client;
    if (!this.#ready || client === undefined) return Promise.reject(notConnected(name, this.address, this.#closed));
    const large = isLarge(args);
    if (this.#profile.cork && !large) this.#corkThisTurn(client);
    this.lastUsed = performance.now();
    const command = new Command(name, args as Argument[], { replyEncoding });
    const answer = client.sendCommand(command) as Promise<unknown>;
    if (large && this.#corked) client.stream.uncork();
    return answer;
  }

  /** What is written in one turn of the event loop leaves together. */
  #corkThisTurn(client: Redis): void {
    if (this.#corked) return;
    this.#corked = true;
    const { stream } = client;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }

  /** Gives up this epoch and begins another: for a connection that answers nothing any more. */
  reset(): void {
    this.#client?.stream?.destroy();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#drop();
    client?.disconnect();
    client?.stream?.destroy();
    this.#tell();
  }

  async #attempt(): Promise<void> {
    if (this.#closed) return;
    this.#lastFailure = undefined;
    const client = new Redis(this.#options);
    this.#client = client;
    client.on('error', (error: unknown) => {
      this.#lastFailure = error;
    });
    let established = false;
    client.once('end', () => {
      if (this.#client !== client) return;
      this.#drop();
      if (!established || this.#closed) return;
      this.#log.warn(
        { purpose: this.#profile.purpose, redis: this.address, why: describeBreak(this.#lastFailure) },
        'connection to Redis lost',
      );
      this.onLost?.();
      this.#later();
    });
    try {
      await client.connect();
    } catch (error) {
      this.#lastFailure ??= error;
      if (this.#client === client) this.#drop();
      client.disconnect();
      client.stream?.destroy();
      throw error;
    }
    if (this.#closed) {
      client.disconnect();
      return;
    }
    // It may have been lost between being ready and this line.
    if (this.#client !== client) throw notConnected('connect', this.address);
    established = true;
    this.#attempts = 0;
    this.#ready = true;
    this.epoch += 1;
    if (this.epoch > 1)
      this.#log.info({ purpose: this.#profile.purpose, redis: this.address }, 'connection to Redis is back');
    this.onReady?.();
    this.#tell();
  }

  #later(): void {
    if (this.#closed) return;
    // What must not be silent for long must not wait for long: a beat has to be back before its node is taken for dead.
    const cap = Math.min(BACKOFF_CAP_MS, this.#profile.socketTimeoutMs);
    const ceiling = Math.min(cap, BACKOFF_BASE_MS * 2 ** Math.min(this.#attempts, 10));
    this.#attempts += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), Math.random() * ceiling);
  }

  #drop(): void {
    this.#ready = false;
    this.#corked = false;
    this.#client = undefined;
  }

  #tell(): void {
    for (const check of [...this.#waiting]) check();
  }
}

/** Runs `work`; whatever it throws becomes an error of the port. */
export async function guarded<T>(subject: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw transportError(subject, error);
  }
}

/** A full frame: it shall travel while whoever wrote it goes on. */
function isLarge(args: readonly Argument[]): boolean {
  const last = args.at(-1);
  return last instanceof Uint8Array && last.length >= LARGE_BYTES;
}
