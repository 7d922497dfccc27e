import { HandlerError, HomeostatError, messageOf } from '../errors.ts';

/** Whatever was thrown, as an error of ours. */
export function asHomeostatError(thrown: unknown): HomeostatError {
  return thrown instanceof HomeostatError ? thrown : new HandlerError(messageOf(thrown), { cause: thrown });
}
