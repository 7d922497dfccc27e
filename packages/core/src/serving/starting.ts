/** An envelope has its place: what it says of itself decides whether it may go on to the entrance. */
import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import { askWhetherElsewhere } from './elsewhere.ts';
import type { Entrance } from './entrance.ts';
import type { Exits } from './exits.ts';
import { MethodNotFound, NoHealthyInstances } from '../ground/errors.ts';
import { PING } from '../calling/ping.ts';
import type { Places } from './places.ts';
import { serviceOf } from '../registry/instance.ts';
import { tagsWanted } from '../calling/routing-headers.ts';
import type { Runs } from './runs.ts';
import { waited } from '../node/stats.ts';
import { Kind, toWireError } from '../wire/envelope.ts';

/** Where a delivery may go. */
export interface StartingParts {
  readonly places: Places;
  readonly entrance: Entrance;
  readonly runs: Runs;
  readonly exits: Exits;
}

export class Starting {
  readonly #needs: DispatcherNeeds;
  readonly #places: Places;
  readonly #entrance: Entrance;
  readonly #runs: Runs;
  readonly #exits: Exits;

  constructor(needs: DispatcherNeeds, { places, entrance, runs, exits }: StartingParts) {
    this.#needs = needs;
    this.#places = places;
    this.#entrance = entrance;
    this.#runs = runs;
    this.#exits = exits;
  }

  start(batch: Batch, index: number): void {
    const { clock, policy, stats, atMostOnce } = this.#needs;
    const delivery = this.#runs.deliver(batch, index);
    const { envelope } = delivery;
    waited(stats, delivery.startedAt - batch.claimedAt);
    this.#needs.onStart?.(envelope.method, delivery.startedAt - batch.claimedAt);
    batch.running += 1;
    this.#places.start(batch);
    if (envelope.kind !== Kind.call && envelope.kind !== Kind.cast)
      return this.#exits.refused(delivery, 'KIND_UNKNOWN');
    if (delivery.attempt > policy.redelivery.deliveries) return this.#exits.refused(delivery, 'NODE_DIED');
    // What is still in the mailbox has not been run by the rules; who died with it in hand may have known others.
    const second = atMostOnce !== undefined && (delivery.attempt > 1 || batch.claim.crashes > 0);
    if (second && atMostOnce.has(envelope.method)) return this.#exits.refused(delivery, 'NODE_DIED');
    let limitMs = envelope.kind === Kind.call ? Infinity : policy.maxRunMs;
    if (envelope.deadline !== 0) {
      const left = envelope.deadline - clock.now();
      if (left <= 0) {
        stats.expired += 1;
        return this.#exits.refused(delivery, 'EXPIRED');
      }
      limitMs = Math.min(limitMs, left);
    }
    if (envelope.extras !== undefined) {
      const tags = tagsWanted(envelope.extras.headers, this.#needs.tags);
      if (tags !== undefined) return this.#wrongTags(delivery, tags);
    }
    if (this.#needs.methods.has(envelope.method)) this.#entrance.enter(delivery, limitMs);
    else if (envelope.method === PING) this.#runs.ping(delivery, limitMs);
    else this.#unknownMethod(delivery);
  }

  #unknownMethod(delivery: Delivery): void {
    const { mailbox } = this.#needs;
    askWhetherElsewhere(
      () => this.#needs.announcedElsewhere(mailbox, delivery.method),
      (elsewhere) => {
        if (elsewhere) this.#exits.comesBack(delivery, 'METHOD_ELSEWHERE');
        else this.#exits.failed(delivery, toWireError(new MethodNotFound(mailbox, delivery.method)));
      },
    );
  }

  #wrongTags(delivery: Delivery, tags: readonly string[]): void {
    const { mailbox } = this.#needs;
    askWhetherElsewhere(
      () => this.#needs.satisfiedElsewhere?.(mailbox, tags) ?? false,
      (elsewhere) => {
        if (elsewhere) this.#exits.comesBack(delivery, 'TAGS_ELSEWHERE');
        else this.#exits.failed(delivery, toWireError(noneTagged(mailbox, tags)));
      },
    );
  }
}

function noneTagged(mailbox: string, tags: readonly string[]): NoHealthyInstances {
  return new NoHealthyInstances(serviceOf(mailbox), `with the tags ${tags.join(', ')}`);
}
