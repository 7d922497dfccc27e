import type { Backend, Link } from '../backend.ts';
import { TransportError } from '../errors.ts';
import { Faults, type Faultable } from './faults.ts';
import { faultyBroker } from './faulty-broker.ts';
import { faultyMembership } from './faulty-membership.ts';

/** A backend that can be made to misbehave, for all its links at once. */
export interface FaultyBackend extends Backend {
  /** The backend is away: calls reject `TransportError` with `not-executed`, nothing is claimed, the inboxes are silent. */
  sleep(): void;
  /** It is back: reading goes on and what came to the inboxes meanwhile arrives. */
  wake(): void;
  /** The next append, reply or settle (or the next of the kind given) is carried out; its caller gets an `unknown`. */
  dropNextReply(of?: Faultable): void;
  /** The next claim arrives a second time after it was settled, as if an old delivery had been held up on its way. */
  deliverTwice(): void;
  /** The connections break and come back at once: what is in flight just now is carried out and rejects as `unknown`. */
  cut(): void;
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
  };
}

function faultyLink(inner: Link, faults: Faults): Link {
  return {
    broker: faultyBroker(inner.broker, faults),
    membership: faultyMembership(inner.membership, faults),
    now: () => inner.now(),
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
