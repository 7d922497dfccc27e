/** How a node, one of its actors or a subscription ends. */
import { z } from 'zod';
import { milliseconds, parseOptions } from './parse-options.ts';

export interface CloseOptions {
  /** Time that is given to what runs, ms. Default: the node's, 10 s. */
  readonly drainMs?: number | undefined;
}

const closeOptionsSchema: z.ZodType<CloseOptions> = z.strictObject({ drainMs: milliseconds.optional() });

/** What was said of the time; undefined: nothing. @throws ConfigError */
export function drainMsOf(options: CloseOptions, subject: string): number | undefined {
  return parseOptions(closeOptionsSchema, options, subject).drainMs;
}
