/** A breaker's state as it came from the backend: anybody who can write there could have said it. */
import { z } from 'zod';
import type { BreakerState } from '../ports/breakers.ts';

const count = z.number().int().min(0);
const moment = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const text = z.string().max(4_096);

const stateSchema: z.ZodType<BreakerState> = z.object({
  name: z.string().min(1).max(256),
  phase: z.enum(['closed', 'open', 'half_open']),
  changes: count,
  changedAt: moment,
  openUntil: moment,
  openings: count,
  rampUntil: moment,
  failuresInRow: count,
  windowFailures: count,
  windowSuccesses: count,
  failures: count,
  successes: count,
  reason: text,
  by: text,
  manual: z.boolean(),
});

/** Undefined when it is none. */
export function parseBreakerState(body: unknown): BreakerState | undefined {
  const parsed = stateSchema.safeParse(body);
  return parsed.success ? parsed.data : undefined;
}
