import type { Contract } from '../contract/contract.ts';
import { fromWireError, toWireError } from '../wire/envelope.ts';
import { ConfigError, HandlerError, HomeostatError } from '../ground/errors.ts';
import type { ActorNode } from '../node/node.ts';
import { sendHooksOf } from '../calling/send-hooks.ts';

export interface SimulatedFailures extends Disposable {
  /** Tries that will still fail. */
  readonly remaining: number;
  /** From now on everything is sent as usual. */
  stop(): void;
}

/**
 * Makes the next `count` tries of this node's calls fail before they are sent, so that a test sees what its program does
 * then: that it retries, that the breaker opens, that the fallback answers. Each try of a retried call counts; what the
 * cache answers and what the breaker refuses does not, as it would not be sent. Casts are let through.
 * @param target a contract or the name of a service, for all of its methods; `service.method` for one.
 * @param error a `HomeostatError` as it is, anything else as if the handler had thrown it. Default: a handler that broke,
 * which the breaker counts and which queries are retried after.
 * @throws ConfigError when `count` is no whole number from 1 (`Infinity`: until it is stopped), or the node none of ours.
 */
export function simulateFailures(
  node: ActorNode,
  target: Contract | string,
  count: number,
  error?: Error,
): SimulatedFailures {
  const name = typeof target === 'string' ? target : target.name;
  if (count !== Infinity && !(Number.isInteger(count) && count > 0))
    throw new ConfigError('simulateFailures: count must be a whole number from 1, or Infinity');
  const thrown = error === undefined ? new HandlerError(`${name}: a simulated failure`) : asSent(error);
  const hooks = sendHooksOf(node);
  let remaining = count;
  const stop = (): void => {
    remaining = 0;
    hooks.delete(fail);
  };
  const fail = ({ service, subject }: { readonly service: string; readonly subject: string }): void => {
    if (service !== name && subject !== name) return;
    remaining -= 1;
    if (remaining === 0) stop();
    throw thrown;
  };
  hooks.add(fail);
  return {
    get remaining() {
      return remaining;
    },
    stop,
    [Symbol.dispose]: stop,
  };
}

function asSent(error: Error): HomeostatError {
  return error instanceof HomeostatError ? error : fromWireError({ ...toWireError(error), outcome: 'failed' });
}
