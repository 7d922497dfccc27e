/** Whether what this node serves takes part, and how large a part of the work it takes beside other instances. */
import type { Registry } from '../../registry/registry.ts';
import type { Served } from './served.ts';
import type { ServedActors } from './served-actors.ts';

export interface ParticipationNeeds {
  readonly actors: Pick<ServedActors, 'all' | 'get'>;
  readonly registry: Pick<Registry, 'markOf' | 'peek'>;
  memberId(): string;
}

/** What a degraded instance takes of the work that it would take in health. */
const DEGRADED_SHARE = 0.5;

export class Participation {
  readonly #needs: ParticipationNeeds;

  constructor(needs: ParticipationNeeds) {
    this.#needs = needs;
  }

  /** Looks at marks and at the others; cheap enough for every change. */
  look(): void {
    for (const served of this.#needs.actors.all) {
      this.#obeyMark(served);
      served.dispatcher.share = this.#shareOf(served);
    }
  }

  /** Its checks say that it shall not take part, or that it shall again. */
  rotate(mailbox: string, to: 'in' | 'out', reason: string): void {
    const served = this.#needs.actors.get(mailbox);
    if (served !== undefined) takePart(served, 'checks', to === 'out' ? reason : undefined);
  }

  #obeyMark(served: Served): void {
    const { registry, memberId } = this.#needs;
    const mark = registry.markOf(served.actor.contract.name, memberId());
    const out = mark !== undefined && mark.status !== 'healthy' && mark.status !== 'degraded';
    takePart(served, 'mark', out ? (mark.reason ?? `marked ${mark.status}`) : undefined);
  }

  /** Its weight beside the heaviest instance of the same version line: pulling is by room, so a smaller share pulls less. */
  #shareOf({ actor }: Served): number {
    const { name, mailbox } = actor.contract;
    const instances = this.#needs.registry.peek(name).filter((one) => one.mailbox === mailbox);
    const self = instances.find(({ nodeId }) => nodeId === this.#needs.memberId());
    if (self === undefined || instances.length < 2) return 1;
    const heaviest = Math.max(...instances.map(pull));
    return pull(self) / heaviest;
  }
}

/** Somebody has a reason why an actor shall not take part, or has none any more. */
function takePart(served: Served, who: string, reason: string | undefined): void {
  if (served.out.get(who) === reason) return;
  if (reason === undefined) served.out.delete(who);
  else served.out.set(who, reason);
  const [first] = served.out.values();
  if (first === undefined) served.dispatcher.resume();
  else served.dispatcher.pause(first);
}

function pull({ weight, status }: { readonly weight: number; readonly status: string }): number {
  return status === 'degraded' ? weight * DEGRADED_SHARE : weight;
}
