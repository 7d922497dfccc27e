/**
 * The backend inside this process: every promise of the ports and nothing to install. One world per backend object and
 * namespace: the nodes that are given the same object see each other, and what it holds ends with the process.
 *
 * A beat runs on this thread, so a blocked event loop delays the beats of all nodes alike and declares none dead.
 */
import type { Backend } from '../backend.ts';
import { systemClock, systemTimers, type Clock, type Timers } from '../ground/clock.ts';
import { MemoryLink } from './memory/link.ts';
import { World } from './memory/world.ts';

export interface MemoryOptions {
  /**
   * Backend time; default the system's. One that also has `setTimer` (`virtualClock()`) drives beats and due times too, and
   * what nodes wait for: deadlines, back-off, breakers, checks.
   */
  readonly clock?: Clock | (Clock & Timers);
}

/** Never rejects with `TransportError`, except after the link was closed. */
export function memory(options: MemoryOptions = {}): Backend {
  const { clock = systemClock } = options;
  const own = timersOf(clock);
  const timers: Timers = own ?? { clock, setTimer: systemTimers.setTimer };
  const worlds = new Map<string, World>();
  return {
    name: 'memory',
    connect: (identity) => {
      let world = worlds.get(identity.namespace);
      if (world === undefined) {
        world = new World(timers);
        worlds.set(identity.namespace, world);
      }
      return Promise.resolve(new MemoryLink(world, identity, own));
    },
  };
}

function timersOf(clock: Clock | (Clock & Timers)): Timers | undefined {
  return 'setTimer' in clock ? clock : undefined;
}
