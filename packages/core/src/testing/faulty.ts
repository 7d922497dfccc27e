import type { Backend, Link } from '../backend.ts';
import { TransportError } from '../ground/errors.ts';
import { Faults, type Faultable } from './faults.ts';
import { faultyBroker } from './faulty-broker.ts';
import { faultyPartitions } from './faulty-partitions.ts';
import { faultyMembership } from './faulty-membership.ts';
import {
  faultyAlerts,
  faultyBreakers,
  faultyCache,
  faultyOnce,
  faultyLimits,
  faultyPermits,
  faultyRecords,
  faultyState,
  faultyTopics,
} from './faulty-shared.ts';

/** A backend that can be made to misbehave, for all its links at once. */
export interface FaultyBackend extends Backend {
  /** The backend is away: calls reject `TransportError` with `not-executed`, nothing is claimed, inboxes, news and beats are silent. */
  sleep(): void;
  /** It is back: reading goes on, and what came to the inboxes and what was news meanwhile arrives. */
  wake(): void;
  /** The next append, reply, settle, commit or step of an id (`once`) (or the next of the kind given) is carried out; its caller gets an `unknown`. */
  dropNextReply(of?: Faultable): void;
  /** The next claim arrives a second time after it was settled, as if an old delivery had been held up on its way. */
  deliverTwice(): void;
  /** The connections break and come back at once: what is in flight just now is carried out and rejects as `unknown`. */
  cut(): void;
  /**
   * While on, news and the alert log get lost on their way; the beats go on and tell the truth about the last there is. What was lost does
   * not come again.
   */
  deafen(on: boolean): void;
}

/** Puts faults between a backend and its nodes. Without any it changes nothing. */
export function faulty(backend: Backend): FaultyBackend {
  const faults = new Faults();
  return {
    name: `faulty ${backend.name}`,
    connect: (identity) => faults.call('other', async () => faultyLink(await backend.connect(identity), faults)),
    sleep: () => faults.sleep(),
    wake: () => faults.wake(),
    dropNextReply: (of) => faults.dropNext(of ?? 'any'),
    deliverTwice: () => {
      faults.repeats += 1;
    },
    cut: () => faults.cut(),
    deafen: (on) => {
      faults.deaf = on;
    },
  };
}

function faultyLink(inner: Link, faults: Faults): Link {
  return {
    broker: faultyBroker(inner.broker, faults),
    membership: faultyMembership(inner.membership, faults),
    records: faultyRecords(inner.records, faults),
    breakers: faultyBreakers(inner.breakers, faults),
    cache: faultyCache(inner.cache, faults),
    partitions: faultyPartitions(inner.partitions, faults),
    permits: faultyPermits(inner.permits, faults),
    limits: faultyLimits(inner.limits, faults),
    state: faultyState(inner.state, faults),
    once: faultyOnce(inner.once, faults),
    topics: faultyTopics(inner.topics, faults),
    alerts: faultyAlerts(inner.alerts, faults),
    ping: () => faults.call('other', () => inner.ping()),
    now: () => inner.now(),
    timers: inner.timers,
    health: async () => (faults.asleep ? { connected: false, connections: 0 } : inner.health()),
    ready: async (signal) => {
      await awake(faults, signal);
      await inner.ready(signal);
    },
    close: () => inner.close(),
  };
}

function awake(faults: Faults, signal: AbortSignal | undefined): Promise<void> {
  if (!faults.asleep) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      forget();
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void =>
      done(() => reject(signal?.reason ?? new TransportError('aborted while waiting for the backend')));
    const forget = faults.whenAwake(() => done(resolve));
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
