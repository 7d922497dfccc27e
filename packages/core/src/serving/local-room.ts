/** What an actor lends to calls of this very process: they take its places, and are counted like what is delivered. */
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import { pong } from './exits.ts';
import type { LocalRoom } from './local-call.ts';
import type { DeliveryOwner } from './delivery.ts';
import { PING } from '../calling/ping.ts';
import type { Places } from './places.ts';
import type { ServiceTimes } from './service-times.ts';
import { waited } from '../node/stats.ts';

export interface LocalRoomParts {
  readonly owner: DeliveryOwner;
  readonly places: Places;
  readonly times: ServiceTimes;
  /** Nothing starts any more, pings included. */
  readonly isStopped: () => boolean;
  /** Something else may have the place. */
  readonly left: () => void;
}

export function localRoom(
  needs: DispatcherNeeds,
  { owner, places, times, isStopped, left }: LocalRoomParts,
): LocalRoom {
  const { pool, deadlines, clock, stats, mailbox, maxBodyBytes } = needs;
  return {
    owner,
    pool,
    deadlines,
    clock,
    maxBodyBytes,
    mailbox,
    memberId: () => needs.memberId(),
    pong: () => pong(needs),
    knows: (method) => method === PING || needs.methods.has(method),
    enter: (method, waitedMs) => {
      const admitted = places.open || (method === PING && !isStopped());
      if (!admitted || places.taken >= places.capacity.available || !places.hasRoomHere) return false;
      places.startHere();
      waited(stats, waitedMs);
      needs.onStart?.(method, waitedMs);
      return true;
    },
    leave: (method, ms, code) => {
      places.endHere();
      if (ms !== undefined) {
        if (code === undefined) stats.processed += 1;
        else stats.failed += 1;
        times.add(method, ms);
        needs.onEnded?.(method, ms, code, true);
      }
      left();
    },
    expired: () => void (stats.expired += 1),
  };
}
