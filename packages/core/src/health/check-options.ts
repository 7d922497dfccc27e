/** What can be said of a check; parsed once, every default a named constant. */
import { z } from 'zod';
import { count, milliseconds, parseOptions } from '../ground/parse-options.ts';
import { MAX_FAILING_MS, type Thresholds } from './hysteresis.ts';

/** Between two runs, ms. */
const DEFAULT_INTERVAL_MS = 30_000;
/** Between a run that failed and the next, ms. */
const DEFAULT_ERROR_INTERVAL_MS = 10_000;
/** A run may take this long, ms. */
export const DEFAULT_CHECK_TIMEOUT_MS = 5_000;
const DEFAULT_FAILURE_THRESHOLD = 3;
const DEFAULT_RECOVERY_THRESHOLD = 1;

export interface CheckOptions {
  /** Speaks for this service on this node alone. Absent: for the node, and so for everything it serves. */
  readonly service?: string | undefined;
  /** Between two runs, ms; a tenth more or less. Default 30 s. */
  readonly intervalMs?: number | undefined;
  /** Between a failed run and the next, ms; at most 30 s. Default 10 s, or `intervalMs` where that is less. */
  readonly errorIntervalMs?: number | undefined;
  /** A run that takes longer is aborted and has failed, ms; at most 60 s. Default 5 s. */
  readonly timeoutMs?: number | undefined;
  /** Failures in a row that make it unhealthy. Default 3. After 60 s of failing it is so in any case. */
  readonly failureThreshold?: number | undefined;
  /** Successes in a row that make it well again. Default 1. */
  readonly recoveryThreshold?: number | undefined;
}

export interface CheckPolicy extends Thresholds {
  readonly service?: string | undefined;
  readonly intervalMs: number;
  readonly errorIntervalMs: number;
  readonly timeoutMs: number;
}

/** There must be fresh evidence before the time is up. */
const MAX_ERROR_INTERVAL_MS: number = MAX_FAILING_MS / 2;

const checkOptionsSchema = z.strictObject({
  service: z.string().min(1).max(256).optional(),
  intervalMs: milliseconds.min(1).default(DEFAULT_INTERVAL_MS),
  errorIntervalMs: milliseconds.min(1).max(MAX_ERROR_INTERVAL_MS).optional(),
  timeoutMs: milliseconds.min(1).max(MAX_FAILING_MS).default(DEFAULT_CHECK_TIMEOUT_MS),
  failureThreshold: count.max(1_000).default(DEFAULT_FAILURE_THRESHOLD),
  recoveryThreshold: count.max(1_000).default(DEFAULT_RECOVERY_THRESHOLD),
});

/** @throws ConfigError naming a wrong option. */
export function checkPolicy(name: string, options: CheckOptions): CheckPolicy {
  const { errorIntervalMs, ...rest } = parseOptions(checkOptionsSchema, options, `check ${name}`);
  return { ...rest, errorIntervalMs: errorIntervalMs ?? Math.min(DEFAULT_ERROR_INTERVAL_MS, rest.intervalMs) };
}
