/** Names that were mistyped shall not be written to, nor read as if nothing were wrong. */
import { ConfigError, ServiceNotFound, type ActorNode } from '@homeostat/core';

export const FORCE = {
  says: 'Although no node serves it now, for one that is yet to come',
} as const;

export function isServed(node: ActorNode, service: string): boolean {
  return node.registry.services().some((one) => one.service === service);
}

/** @throws ServiceNotFound */
export function mustBeServed(node: ActorNode, service: string): void {
  if (!isServed(node, service)) throw new ServiceNotFound(service);
}

/** @throws ConfigError when the node is not there. */
export function mustBeThere(node: ActorNode, nodeId: string): void {
  if (!node.registry.nodes().includes(nodeId))
    throw new ConfigError(`there is no node ${nodeId}; \`homeostat status\` lists those there are`);
}
