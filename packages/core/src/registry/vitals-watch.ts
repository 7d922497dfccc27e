/**
 * Reads how the instances fare, once a beat, of the services that were asked for lately, and of no others: so what this
 * costs a node depends on what it uses, not on how many there are. Rests when nothing is asked for.
 */
import type { Balancer } from '../balance/balancer.ts';
import type { Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Membership } from '../ports/membership.ts';
import { parseVitals, type NodeVitals } from '../ports/report.ts';
import { serviceOf } from './instance.ts';
import { keyOf, type Feeling, type ServiceView } from './service-view.ts';

export interface VitalsWatchNeeds {
  readonly membership: Membership;
  readonly balancer: Balancer;
  readonly setTimer: Timers['setTimer'];
  readonly log: Log;
  readonly beatMs: number;
  views(): Iterable<ServiceView>;
}

/** How long a service is watched after it was last asked for, ms. */
const WATCHED_MS = 10_000;

export class VitalsWatch {
  readonly #needs: VitalsWatchNeeds;
  /** View → rounds since it was last asked for. */
  readonly #watched = new Map<ServiceView, number>();
  #awake = false;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(needs: VitalsWatchNeeds) {
    this.#needs = needs;
  }

  /** Somebody asked for instances of this service. */
  want(view: ServiceView): void {
    view.wanted = true;
    if (!this.#awake && !this.#closed) this.#arm(0);
  }

  /** Reads now, and resolves when it has; where the backend is away, what was known stays. */
  async refresh(): Promise<void> {
    await this.#round();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  #arm(ms: number): void {
    this.#awake = true;
    this.#cancelTimer = this.#needs.setTimer(ms, () => {
      void this.#round().then((more) => {
        if (more && !this.#closed) this.#arm(this.#needs.beatMs);
        else this.#awake = false;
      });
    });
  }

  /** Answers whether another round is wanted. */
  async #round(): Promise<boolean> {
    this.#choose();
    if (this.#watched.size === 0) return false;
    const nodeIds = [...new Set([...this.#watched.keys()].flatMap((view) => view.nodeIds()))];
    try {
      const told = nodeIds.length === 0 ? new Map<string, unknown>() : await this.#needs.membership.vitals(nodeIds);
      if (this.#closed) return false;
      const feelings = this.#read(told);
      for (const view of this.#watched.keys()) view.feel(feelings.get(view.service) ?? new Map<string, Feeling>());
    } catch (thrown) {
      // What was known stays as it is: the next beat asks again.
      this.#needs.log.debug(
        { evt: 'vitals_read_failed', reason: messageOf(thrown) },
        'how instances fare is not known',
      );
    }
    return true;
  }

  #choose(): void {
    const views = new Set(this.#needs.views());
    for (const view of views) {
      if (view.wanted) this.#watched.set(view, 0);
      view.wanted = false;
    }
    for (const [view, rounds] of [...this.#watched]) {
      if (views.has(view) && rounds * this.#needs.beatMs < WATCHED_MS) {
        this.#watched.set(view, rounds + 1);
      } else {
        this.#watched.delete(view);
        // Old figures would mislead the next who asks.
        view.feel(new Map());
      }
    }
  }

  /** By service. */
  #read(told: ReadonlyMap<string, unknown>): ReadonlyMap<string, ReadonlyMap<string, Feeling>> {
    const services = new Map<string, Map<string, Feeling>>();
    for (const [nodeId, given] of told) {
      const vitals = parseVitals(given);
      if (vitals === undefined) {
        this.#needs.log.warn(
          { evt: 'registry_entry_invalid', nodeId, what: 'vitals' },
          'left out: these are no vitals',
        );
        continue;
      }
      this.#sort(nodeId, vitals, services);
    }
    return services;
  }

  #sort(nodeId: string, { actors }: NodeVitals, services: Map<string, Map<string, Feeling>>): void {
    for (const [mailbox, actor] of Object.entries(actors)) {
      const service = serviceOf(mailbox);
      let feelings = services.get(service);
      if (feelings === undefined) services.set(service, (feelings = new Map()));
      const own = this.#needs.balancer.inFlight(service, nodeId);
      feelings.set(keyOf(nodeId, mailbox), { ...actor, elsewhere: Math.max(0, actor.inFlight - own) });
    }
  }
}
