import {
  ConfigError,
  createNode as createCoreNode,
  type ActorNode,
  type NodeOptions as CoreNodeOptions,
} from '@homeostat/core';
import { redis, type RedisBackendOptions } from '@homeostat/redis';

export interface NodeOptions extends CoreNodeOptions {
  /** A Redis (or Valkey) to carry and remember: a URL, or options. Without it the node runs on the memory backend. */
  readonly redis?: string | RedisBackendOptions | undefined;
}

/**
 * Starts a node: resolves when it is a member, its inbox is open and it beats.
 * Without `redis` (and without `backend`) it runs on the memory backend: the same program, one process.
 * @throws ConfigError naming a wrong option; TransportError when Redis cannot be reached; LayoutMismatch when the namespace
 * has other lanes; ServiceNotFound or NoHealthyInstances for what it `requires` in vain.
 */
export async function createNode(options: NodeOptions = {}): Promise<ActorNode> {
  const { redis: address, ...rest } = options;
  if (address === undefined) return createCoreNode(rest);
  if (rest.backend !== undefined) throw new ConfigError('createNode: give either redis or backend');
  return createCoreNode({ ...rest, backend: redis(address) });
}
