/** What one step may hold at most: it stands still for everybody else meanwhile. */
import { ConfigError, PayloadTooLarge } from '../ground/errors.ts';
import type { StateChange, StateOperation } from '../ports/state.ts';
import { MAX_OPERATIONS } from './options.ts';

/** Most bytes that one step sets, unless a single body may have more: far below what a server takes in one command. */
const MAX_STEP_BYTES: number = 64 * 1024 * 1024;

/** @throws ConfigError, PayloadTooLarge */
export function checkSize(
  space: string,
  operations: readonly (StateOperation | StateChange)[],
  maxBodyBytes: number,
): void {
  if (operations.length > MAX_OPERATIONS)
    throw new ConfigError(`state ${space}: ${operations.length} operations at once, more than ${MAX_OPERATIONS}`);
  const limit = Math.max(MAX_STEP_BYTES, maxBodyBytes);
  const bytes = operations.reduce((sum, one) => sum + (one.kind === 'set' ? one.body.byteLength : 0), 0);
  if (bytes > limit) throw new PayloadTooLarge(bytes, limit);
}
