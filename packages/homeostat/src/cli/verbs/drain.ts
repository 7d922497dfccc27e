import type { ActorNode } from '@homeostat/core';
import { mustBeThere } from '../known.ts';
import { UsageError } from '../usage-error.ts';
import type { Verb } from '../verb.ts';

export const drain: Verb = {
  name: 'drain',
  synopses: ['drain <nodeId> [--reason <text>] [--ttl <time>]', 'drain <nodeId> --undo'],
  summary: 'Takes a node out of work: it claims nothing more of anything that it serves',
  about: [
    'Marks everything that the node serves now as draining: nobody sends to it, it claims nothing more, what',
    'it holds goes on to its end. The process lives on; end it with SIGTERM once `instances` shows nothing',
    'in flight. What it begins to serve later is not marked. Safe to repeat.',
  ],
  options: {
    reason: { value: '<text>', says: 'Why: shown wherever the status is' },
    ttl: { value: '<time>', says: 'It ends by itself after 30s, 10m, 2h (default: it stays until undone)' },
    undo: { says: 'Clears what drain has marked: the node takes work again' },
  },
  examples: ['drain users-1-x7f2k9q0ab --reason "host is patched" --ttl 1h', 'drain users-1-x7f2k9q0ab --undo'],
  plan(given) {
    const [nodeId] = given.words('nodeId');
    const [reason, ttlMs, undo] = [given.text('reason'), given.span('ttl'), given.flag('undo')];
    if (undo && (reason !== undefined || ttlMs !== undefined))
      throw new UsageError('--undo takes neither --reason nor --ttl');
    return async ({ node, by }) => {
      mustBeThere(node, nodeId);
      const services = undo ? drained(node, nodeId) : served(node, nodeId);
      for (const service of services)
        await node.registry.setStatus(service, nodeId, undo ? undefined : 'draining', { reason, ttlMs, by });
      const back = `homeostat drain ${nodeId} --undo`;
      const named = services.join(', ');
      if (undo)
        return {
          data: { nodeId, draining: false, services },
          text: services.length === 0 ? `${nodeId} was not drained` : `${nodeId} takes work of ${named} again`,
        };
      return {
        data: { nodeId, draining: true, services, reason, undo: back },
        text:
          services.length === 0
            ? `${nodeId} serves nothing`
            : `${nodeId} claims nothing more of ${named}\nto undo it: ${back}`,
      };
    };
  },
};

function served(node: ActorNode, nodeId: string): readonly string[] {
  return node.registry
    .services()
    .map(({ service }) => service)
    .filter((service) => node.registry.instances(service, { status: 'any' }).some((one) => one.nodeId === nodeId));
}

function drained(node: ActorNode, nodeId: string): readonly string[] {
  return served(node, nodeId).filter((service) => node.registry.markOf(service, nodeId)?.status === 'draining');
}
