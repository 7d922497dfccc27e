/** What the two sides of a worker thread agree on: the messages, and the cells of shared memory beside them. */
import type { MessagePort } from 'node:worker_threads';
import type { ActorPolicy } from '../../node/options.ts';

/**
 * One shared 32-bit cell per job in a thread's hands. Both sides move it by compare-and-exchange only: so a job that
 * the pool takes back is never started as well, and when a thread dies it is known which jobs had begun.
 */
export const Cell = {
  /** Handed over, not begun: may be taken back. */
  posted: 1,
  /** The thread has begun: if it dies now, this job is what died. */
  started: 2,
  /** Taken back: the thread must not begin. */
  revoked: 3,
  /** Begun, and asked to stop: its time is over, it was aborted, or the pool closes. */
  overdue: 4,
  aborted: 5,
  closing: 6,
} as const;

/** Why a begun job is asked to stop. */
export type StopReason = typeof Cell.overdue | typeof Cell.aborted | typeof Cell.closing;

/** What a thread is born with. */
export interface ThreadData {
  readonly module: string;
  readonly cells: Int32Array;
  readonly perThread: number;
  readonly maxBodyBytes: number;
  readonly logLevel: string;
}

/** The first and only task that piscina carries: load the module, then take jobs from the port. */
export interface LoadTask {
  readonly load: true;
  /** Jobs and `null` (look at the cells: something shall stop) in; answers and log lines out. */
  readonly port: MessagePort;
}

/** A job, as an array: its keys need not be written and read each time. */
export type JobTask = readonly [
  slot: number,
  method: string,
  body: Uint8Array | undefined,
  messageId: string,
  attempt: number,
  deadline: number,
  caller: string,
  key: string | undefined,
  headers: Readonly<Record<string, string>> | undefined,
  id: string | undefined,
];

export interface ServedMethod {
  readonly kind: 'query' | 'command';
  readonly timeoutMs?: number;
}

/** What the module of a thread pool serves, as plain data: the parent need not load it. */
export interface Served {
  readonly name: string;
  readonly version: string;
  readonly mailbox: string;
  readonly methods: Readonly<Record<string, ServedMethod>>;
  readonly policy: ActorPolicy;
}

/** `error` is an encoded `WireError`. */
export type LoadResult = { readonly served: Served } | { readonly error: Uint8Array };

/** How a job ended; `bytes` is its value or, if not ok, an encoded `WireError`. A job taken back has no bytes. */
export type Answer = readonly [slot: number, ok: boolean, bytes: Uint8Array | undefined];

export interface LogLine {
  readonly level: LogLevel;
  readonly bindings: unknown;
  readonly message: string | undefined;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
