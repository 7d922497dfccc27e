import type { Membership, MembershipEvents } from '../ports/membership.ts';
import type { Faults } from './faults.ts';

/**
 * A membership seen through faults. The beats behind it go on: while a backend is away nobody can be declared dead, so
 * to its nodes the one is like the other.
 */
export function faultyMembership(inner: Membership, faults: Faults): Membership {
  let forget = (): void => undefined;
  return {
    join: (presence, events) =>
      faults.call('other', () => {
        forget();
        const delayed = delayedEvents(events, faults);
        forget = faults.whenAwake(delayed.flush);
        return inner.join(presence, delayed.events);
      }),
    announce: () => faults.call('other', () => inner.announce()),
    members: () => faults.call('other', () => inner.members()),
    serving: (service) => faults.call('other', () => inner.serving(service)),
    vitals: (ids) => faults.call('other', () => inner.vitals(ids)),
    leave: () =>
      faults.call('other', () => {
        forget();
        return inner.leave();
      }),
  };
}

/** Events that arrive during sleep wait for the waking, in order; a beat is not answered then. News and the alert log are lost while it is deaf. */
function delayedEvents(events: MembershipEvents, faults: Faults): { events: MembershipEvents; flush: () => void } {
  const waiting: (() => void)[] = [];
  const pass = (event: () => void): void => {
    if (faults.asleep) waiting.push(event);
    else event();
  };
  return {
    events: {
      evicted: (reason) => pass(() => events.evicted(reason)),
      inbox: (frames) => pass(() => events.inbox(frames)),
      news: (items) => {
        if (!faults.deaf) pass(() => events.news(items));
      },
      alerts: (items) => {
        if (!faults.deaf) pass(() => events.alerts(items));
      },
      beaten: (seq, alertSeq) => {
        if (!faults.asleep) events.beaten(seq, alertSeq);
      },
    },
    flush: () => {
      for (const event of waiting.splice(0)) event();
    },
  };
}
