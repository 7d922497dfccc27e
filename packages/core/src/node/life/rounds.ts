/** What a node looks at again and again: when it hears of a change, and each second for what nobody tells. */
import type { Link } from '../../backend.ts';
import type { Emitter } from '../events.ts';
import type { Correspondence } from '../parts/correspondence.ts';
import type { Participation } from '../served/participation.ts';
import type { ServedActors } from '../served/served-actors.ts';
import type { Standing } from '../standing.ts';
import type { Announcing } from './announcing.ts';

export interface RoundsNeeds {
  readonly link: Pick<Link, 'health'>;
  readonly standing: Standing;
  readonly events: Emitter;
  readonly actors: ServedActors;
  readonly participation: Participation;
  readonly correspondence: Correspondence;
  readonly announcing: Announcing;
}

/** How often hints for senders and the node's part of the work are looked at; they change seldom, ms. */
const LOOK_MS = 1_000;

export class Rounds {
  readonly #needs: RoundsNeeds;

  constructor(needs: RoundsNeeds) {
    const { events, participation, actors } = needs;
    this.#needs = needs;
    for (const event of ['registered', 'deregistered', 'expired', 'health'] as const)
      events.on(event, () => {
        participation.look();
        actors.lookAtKeys();
      });
    events.on('config', ({ service }) => this.#reconfigure(service));
  }

  /** Answers how long to wait for the next one, ms. */
  async go(): Promise<number> {
    const { link, standing, participation, correspondence, actors } = this.#needs;
    const { connected, memory } = await link.health();
    standing.connected = connected;
    standing.backendMemory = memory;
    participation.look();
    await correspondence.look();
    actors.lookAtKeys();
    await actors.hint();
    return LOOK_MS;
  }

  #reconfigure(service: string): void {
    const { actors, participation, announcing } = this.#needs;
    actors.applyPolicies(service);
    participation.look();
    announcing.soon();
  }
}
