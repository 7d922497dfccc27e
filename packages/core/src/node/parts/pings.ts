import { pingHere, pingLine, sendPing } from '../../calling/send-ping.ts';
import type { Clock } from '../../ground/clock.ts';
import type { Ping } from '../../health/probes/ping.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Sending } from '../../sending/sending.ts';
import type { ServedActors } from '../served/served-actors.ts';

export interface PingNeeds {
  readonly sending: Sending;
  readonly actors: Pick<ServedActors, 'get' | 'of'>;
  readonly registry: Pick<Registry, 'pick'>;
  readonly clock: Clock;
  memberId(): string;
}

/** Pings go by the mailbox: to this node's own part of it where it serves the mailbox, else to whoever has room. */
export function pingBy({ sending, actors, registry, clock, memberId }: PingNeeds): Ping {
  return async (service, timeoutMs) => {
    const own = actors.get(service) ?? actors.of(service)[0];
    if (own !== undefined) {
      // One that claims nothing would never hear of it, and never be found well again.
      if (own.dispatcher.paused !== undefined) await pingHere(own.dispatcher, clock.now() + timeoutMs);
      else await sendPing(sending, pingLine(own.actor.contract), timeoutMs, memberId());
      return;
    }
    const instance = registry.pick(service);
    // A keyed one takes what has no key only when it is for that node alone.
    const target = instance?.partitions === undefined ? undefined : instance.nodeId;
    await sendPing(sending, instance === null ? service : pingLine(instance), timeoutMs, target);
  };
}
