import { ConfigError } from '@homeostat/core';
import { oneOf } from '../arguments.ts';
import { describeSpan } from '../duration.ts';
import { UsageError } from '../usage-error.ts';
import type { Verb } from '../verb.ts';

const STATUSES = ['healthy', 'degraded', 'unhealthy', 'draining'] as const;

export const mark: Verb = {
  name: 'mark',
  synopses: [
    'mark <service> <nodeId> healthy|degraded|unhealthy|draining [--reason <text>] [--ttl <time>]',
    'mark <service> <nodeId> clear',
  ],
  summary: 'Sets the status of one instance by hand, or takes that back',
  about: [
    'A mark wins over what the checks of the instance say, for all nodes, until it is cleared or its time is',
    'up. Marked unhealthy or draining, it claims nothing more; what it holds goes on. `instances` shows ids.',
    'A node that was evicted joins again under another id, without the mark.',
  ],
  options: {
    reason: { value: '<text>', says: 'Why: shown wherever the status is' },
    ttl: { value: '<time>', says: 'It ends by itself after 30s, 10m, 2h (default: it stays until cleared)' },
  },
  examples: [
    'mark users users-1-x7f2k9q0ab unhealthy --reason "disk is slow" --ttl 30m',
    'mark users users-1-x7f2k9q0ab clear',
  ],
  plan(given) {
    const [service, nodeId, word] = given.words('service', 'nodeId', 'status');
    const chosen = oneOf(word, [...STATUSES, 'clear']);
    const [reason, ttlMs] = [given.text('reason'), given.span('ttl')];
    if (chosen === 'clear' && (reason !== undefined || ttlMs !== undefined))
      throw new UsageError('clear takes neither --reason nor --ttl');
    return async ({ node, by }) => {
      const ids = (await node.registry.discover(service, { status: 'any' })).map((one) => one.nodeId);
      if (!ids.includes(nodeId))
        throw new ConfigError(`${nodeId} does not serve ${service}; ${ids.join(', ') || 'nobody'} does`);
      const status = chosen === 'clear' ? undefined : chosen;
      await node.registry.setStatus(service, nodeId, status, { reason, ttlMs, by });
      const { until } = node.registry.markOf(service, nodeId) ?? {};
      const lasting = ttlMs === undefined ? 'until it is cleared' : `for ${describeSpan(ttlMs)}`;
      return {
        data: { service, nodeId, mark: status ?? null, reason, until },
        text: `${service} on ${nodeId} is ${status === undefined ? 'not marked any more' : `marked ${status} ${lasting}`}`,
      };
    };
  },
};
