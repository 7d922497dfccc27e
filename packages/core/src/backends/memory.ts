/**
 * The backend inside this process: every promise of the ports and nothing to install. One world per backend object and
 * namespace: the nodes that are given the same object see each other, and what it holds ends with the process.
 *
 * A beat runs on this thread, so a blocked event loop delays the beats of all nodes alike and declares none dead.
 */
import type { Backend } from '../backend.ts';
import { systemClock, systemTimers, type Clock, type Timers } from '../ground/clock.ts';
import { MemoryLink } from './memory/link.ts';
import type { NodeIdentity } from '../ports/broker.ts';
import { World } from './memory/world.ts';

export interface MemoryOptions {
  /**
   * Backend time; default the system's. One that also has `setTimer` (`virtualClock()`) drives beats and due times too, and
   * what nodes wait for: deadlines, back-off, breakers, checks.
   */
  readonly clock?: Clock | (Clock & Timers);
  /**
   * Hands of its own for one node: they drive its beat and what it waits for, so that a test can hold up one node alone.
   * Asked at each connect; default `clock`'s.
   */
  readonly timersOf?: (identity: NodeIdentity) => Timers;
}

/** Never rejects with `TransportError`, except after the link was closed. */
export function memory(options: MemoryOptions = {}): Backend {
  const { clock = systemClock, timersOf } = options;
  const shared = ringing(clock);
  const timers: Timers = shared ?? { clock, setTimer: systemTimers.setTimer };
  const worlds = new Map<string, World>();
  return {
    name: 'memory',
    connect: (identity) => {
      let world = worlds.get(identity.namespace);
      if (world === undefined) {
        world = new World(timers);
        worlds.set(identity.namespace, world);
      }
      return Promise.resolve(new MemoryLink(world, identity, timersOf?.(identity) ?? shared));
    },
  };
}

function ringing(clock: Clock | (Clock & Timers)): Timers | undefined {
  return 'setTimer' in clock ? clock : undefined;
}
