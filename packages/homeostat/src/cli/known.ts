/** Names that were mistyped shall not be written to, nor read as if nothing were wrong. */
import { ConfigError, MethodNotFound, ServiceNotFound, type ActorNode } from '@homeostat/core';

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

/** @param service or one major version of it, `users@2`. @throws ServiceNotFound, MethodNotFound */
export function mustHaveMethod(node: ActorNode, service: string, method: string): void {
  const [name = ''] = service.split('@');
  const all = node.registry.instances(name, { status: 'any' });
  const instances = service === name ? all : all.filter(({ mailbox }) => mailbox === service);
  if (instances.length === 0) throw new ServiceNotFound(service);
  if (!instances.some(({ methods }) => methods.includes(method))) throw new MethodNotFound(service, method);
}

/** @throws ConfigError when the node is not there. */
export function mustBeThere(node: ActorNode, nodeId: string): void {
  if (!node.registry.nodes().includes(nodeId))
    throw new ConfigError(`there is no node ${nodeId}; \`homeostat status\` lists those there are`);
}
