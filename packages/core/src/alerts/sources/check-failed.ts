/** A health check has failed more often in a row than is borne in silence. */
import type { Healed, Hurt } from '../../health/needs.ts';
import { serviceOf } from '../../registry/instance.ts';
import type { ConditionFacts, Source, SourcesNeeds } from './needs.ts';
import { Pains } from './pains.ts';

export class CheckFailed implements Source {
  readonly #needs: SourcesNeeds;
  readonly #pains: Pains;

  constructor(needs: SourcesNeeds) {
    this.#needs = needs;
    this.#pains = new Pains(needs);
  }

  hurt(hurt: Hurt): void {
    const { service, check, failures, reason } = hurt;
    this.#pains.hurts(keyOf(hurt), this.#factsOf(hurt), () => ({
      severity: 'high',
      message: `the check ${check}${service === undefined ? '' : ` of ${service}`} failed ${failures} times in a row: ${reason ?? 'it does not say why'}`,
      metrics: { check, failures },
      tags: service === undefined ? [`node:${this.#needs.selfId()}`] : undefined,
    }));
  }

  healed(healed: Healed): void {
    this.#pains.over(keyOf(healed));
  }

  close(): void {
    this.#pains.close();
  }

  /** A check of the node itself says nothing of another node; one of a service is about what all of them see. */
  #factsOf({ service, check }: Hurt): ConditionFacts {
    const kind = 'check-failed';
    return service === undefined
      ? { kind, scope: `${check} of ${this.#needs.selfId()}` }
      : { kind, service: serviceOf(service), scope: check };
  }
}

function keyOf({ service, check }: Healed): string {
  return `${service ?? ''} ${check}`;
}
