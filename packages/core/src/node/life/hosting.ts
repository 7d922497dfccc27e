/** How an actor comes into this node's service, what looks after it there, and how it goes. */
import type { Actor } from '../../contract/actor.ts';
import { codeOf, ConfigError } from '../../ground/errors.ts';
import type { Health } from '../../health/health.ts';
import type { Policies } from '../../policies/policies.ts';
import type { Membership } from '../../ports/membership.ts';
import type { Scaler } from '../../scaling/scaler.ts';
import type { Serving } from '../../serving/serve.ts';
import type { SharedState } from '../parts/shared-state.ts';
import { drain } from '../served/drain.ts';
import type { Served } from '../served/served.ts';
import type { ServedActors } from '../served/served-actors.ts';
import type { Standing } from '../standing.ts';
import type { Announcing } from './announcing.ts';

export interface HostingNeeds {
  readonly membership: Pick<Membership, 'announce'>;
  readonly standing: Readonly<Standing>;
  readonly announcing: Announcing;
  readonly actors: ServedActors;
  readonly policies: Policies;
  readonly shared: Pick<SharedState, 'alerts'>;
  readonly health: Pick<Health, 'serve'>;
  readonly scaler: Pick<Scaler, 'watch'>;
}

export class Hosting {
  readonly #needs: HostingNeeds;
  /** Mailbox → what ends the care for it. */
  readonly #lookedAfter = new Map<string, () => void>();

  constructor(needs: HostingNeeds) {
    this.#needs = needs;
  }

  /** @throws ConfigError when the mailbox is served already or the module does not load in a thread. */
  async serve(actor: Actor, serving: Serving): Promise<void> {
    const { actors, membership, standing } = this.#needs;
    const served = await actors.add(actor, serving);
    this.#lookAfter(served);
    try {
      await actors.consume(served);
      await membership.announce();
    } catch (thrown) {
      // Evicted meanwhile: joining again serves it.
      if (codeOf(thrown) === 'NOT_MEMBER' && !standing.closing.aborted) return await standing.rejoining;
      await this.#forget(served);
      throw thrown;
    }
  }

  /** @throws ConfigError when the mailbox is not served. */
  async unserve(mailbox: string, drainMs: number): Promise<void> {
    const served = this.#needs.actors.get(mailbox);
    if (served === undefined) throw new ConfigError(`unserve: this node does not serve ${mailbox}`);
    served.leaving ??= this.#retire(served, drainMs);
    await served.leaving;
  }

  /** The others shall know before it is gone: whoever targets this node would have to wait for the detour. */
  async #retire(served: Served, drainMs: number): Promise<void> {
    const { announcing } = this.#needs;
    // What `leaving` says must stand before it is announced.
    await Promise.resolve();
    await Promise.all([announcing.now(), drain(served, drainMs)]);
    await this.#forget(served);
    await announcing.now();
  }

  #lookAfter({ actor, dispatcher }: Served): void {
    const { shared, health, scaler, policies } = this.#needs;
    const { mailbox, name } = actor.contract;
    const { onPain } = actor.policy;
    const unfeeling = onPain === undefined ? undefined : shared.alerts.unit(name, onPain);
    const unhealthy = health.serve(mailbox);
    const unwatch = scaler.watch(mailbox, name, dispatcher, () => policies.service(name).scale);
    this.#lookedAfter.set(mailbox, () => {
      unfeeling?.();
      unhealthy();
      unwatch();
    });
  }

  async #forget(served: Served): Promise<void> {
    const { mailbox } = served.actor.contract;
    this.#lookedAfter.get(mailbox)?.();
    this.#lookedAfter.delete(mailbox);
    await this.#needs.actors.remove(served);
  }
}
