/** What tells cached answers apart. Pure. */
import { canonicalKey } from './canonical.ts';
import type { Request } from './request.ts';

/** Ends the caller's part of a key, so that one key is never the beginning of another. */
const END = '\n';

/**
 * The caller's own key, or method and input (of which `varyOn` names the fields that matter); then what was asked, because
 * two methods never share an answer. Headers tell nothing apart.
 * @throws SerializationError when the input makes no key.
 */
export function cacheKey(request: Request, varyOn?: readonly string[], own?: (input: unknown) => string): string {
  const { input, key, method, subject, mailbox } = request;
  const named = own?.(input) ?? `${method}:${canonicalKey(varyOn === undefined ? input : picked(input, varyOn))}`;
  const keyed = key === undefined ? '' : `${END}${key}`;
  return `${named}${END}${mailbox ?? subject}/${method}${keyed}`;
}

/** As the port is asked to forget: whatever the caller's key was asked for, and by whichever method. */
export function forgotten(what: string | { readonly prefix: string }): { readonly prefix: string } {
  return typeof what === 'string' ? { prefix: `${what}${END}` } : what;
}

function picked(input: unknown, fields: readonly string[]): unknown {
  if (typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(fields.map((field) => [field, (input as Record<string, unknown>)[field]]));
}
