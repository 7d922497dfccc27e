import { Health } from '../../health/health.ts';
import type { HealthHooks } from '../../health/needs.ts';
import type { Ping } from '../../health/probes/ping.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Basis } from './basis.ts';

export interface OwnHealthNeeds {
  readonly registry: Registry;
  readonly ping: Ping;
  readonly hooks: HealthHooks;
}

/** How a node knows how it fares. */
export function healthOn(basis: Basis, { registry, ping, hooks }: OwnHealthNeeds): Health {
  const { link, policy, timers, log, events, standing, memberId } = basis;
  return new Health({
    timers,
    log,
    events,
    registry: {
      instances: (service, filter) => registry.peek(service, filter),
      services: () => registry.services().map(({ service }) => service),
    },
    ping,
    backendHealth: () => link.health(),
    roundTrip: () => link.ping(),
    facts: () => ({
      member: standing.member,
      backendConnected: standing.connected,
      lastBeatAt: standing.lastBeatAt,
      draining: standing.stage === 'draining',
      closed: standing.closed,
    }),
    selfId: memberId,
    beatMs: policy.beat.intervalMs,
    stallMs: policy.beat.stallMs,
    evictMs: policy.beat.evictMs,
    hooks,
  });
}
