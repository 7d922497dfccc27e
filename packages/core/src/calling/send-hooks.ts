/** Where tests step in between what protects a call and its sending: inside of retry, breaker and bulkhead, once for each try. */
import { ConfigError } from '../ground/errors.ts';
import type { Request } from '../resilience/request.ts';

/** Told of every try of a call before it is sent; what it throws is what comes of that try. */
export type SendHook = (request: Pick<Request, 'service' | 'subject'>) => void;

const hooks = new WeakMap<object, Set<SendHook>>();

/** @param node whose calls go by `own`. */
export function lendSendHooks(node: object, own: Set<SendHook>): void {
  hooks.set(node, own);
}

/** @throws ConfigError for what no `createNode` of this copy of core has made. */
export function sendHooksOf(node: object): Set<SendHook> {
  const own = hooks.get(node);
  if (own === undefined) throw new ConfigError('this is no node that createNode made');
  return own;
}
