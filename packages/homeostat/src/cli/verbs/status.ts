import type { ActorNode, BreakerState, Instance } from '@homeostat/core';
import { facts, table } from '../print.ts';
import type { Verb } from '../verb.ts';

interface SeenNode {
  readonly nodeId: string;
  readonly nodeName?: string | undefined;
  readonly host?: string | undefined;
  readonly pid?: number | undefined;
  /** Backend time, ms. */
  readonly startedAt?: number | undefined;
  /** Mailboxes. */
  readonly serves: readonly string[];
}

export const status: Verb = {
  name: 'status',
  synopses: ['status'],
  summary: 'Backend, nodes, services and breakers at a glance',
  about: [
    'Shows the backend, every node that is there (this command itself left out), how many services are',
    'healthy, and which are not. A service is healthy when at least one instance can take work.',
    'Host and process are known of nodes that serve something.',
  ],
  examples: ['status', 'status --json'],
  plan(given) {
    given.words();
    return async ({ node, namespace }) => {
      const { connected, name } = await node.link();
      const all = instancesOf(node);
      await node.registry.refresh();
      const services = await node.health.overview();
      const nodes = node.registry.nodes().filter((id) => id !== node.id);
      const seen = nodes.map((id) => seenNode(id, all)).toSorted((one, other) => (one.nodeId < other.nodeId ? -1 : 1));
      const open = node.breakers().filter(({ phase }) => phase !== 'closed');
      const data = { namespace, backend: { name, connected }, nodes: seen, services, openBreakers: open };
      return { data, text: describe(data) };
    };
  },
};

function instancesOf(node: ActorNode): readonly Instance[] {
  return node.registry.services().flatMap(({ service }) => node.registry.instances(service, { status: 'any' }));
}

function seenNode(nodeId: string, all: readonly Instance[]): SeenNode {
  const served = all.filter((one) => one.nodeId === nodeId);
  const serves = served.map(({ mailbox }) => mailbox);
  const [first] = served;
  if (first === undefined) return { nodeId, serves };
  const { nodeName, host, pid, startedAt } = first;
  return { nodeId, nodeName, host, pid, startedAt, serves };
}

interface Seen {
  readonly namespace: string;
  readonly backend: { readonly name: string; readonly connected: boolean };
  readonly nodes: readonly SeenNode[];
  readonly services: Awaited<ReturnType<ActorNode['health']['overview']>>;
  readonly openBreakers: readonly BreakerState[];
}

function describe({ namespace, backend, nodes, services, openBreakers }: Seen): string {
  const { healthy, unhealthy } = services;
  const parts = [
    facts({
      backend: `${backend.name}, ${backend.connected ? 'connected' : 'not connected'}`,
      namespace,
      nodes: String(nodes.length),
      services: `${healthy} healthy, ${unhealthy} unhealthy`,
      breakers: openBreakers.length === 0 ? 'none open' : `${openBreakers.length} not closed`,
    }),
  ];
  if (nodes.length > 0)
    parts.push(
      table(
        ['NODE', 'HOST', 'PID', 'SERVES'],
        nodes.map(({ nodeId, host, pid, serves }) => [nodeId, host, pid, serves.join(' ')]),
      ),
    );
  const unwell = services.services.filter((one) => one.status !== 'healthy');
  if (unwell.length > 0)
    parts.push(
      table(
        ['NOT WELL', 'STATUS'],
        unwell.map((one) => [one.service, one.status]),
      ),
    );
  if (openBreakers.length > 0)
    parts.push(
      table(
        ['BREAKER', 'PHASE', 'REASON'],
        openBreakers.map(({ name, phase, reason }) => [name, phase, reason]),
      ),
    );
  return parts.join('\n\n');
}
