/** So much of a service is being tried again that no more tries are allowed. */
import type { Source, SourcesNeeds } from './needs.ts';
import { Pains } from './pains.ts';

export class RetryBudgetSource implements Source {
  readonly #pains: Pains;
  readonly #calmMs: number;

  constructor(needs: SourcesNeeds, { calmMs }: { readonly calmMs: number }) {
    this.#pains = new Pains(needs);
    this.#calmMs = calmMs;
  }

  refused(service: string): void {
    this.#pains.hurts(service, { kind: 'retry-budget', service }, () => ({
      severity: 'medium',
      message: `${service}: its retry budget is spent; what fails is not tried again`,
    }));
  }

  tick(): void {
    this.#pains.calm(this.#calmMs);
  }

  close(): void {
    this.#pains.close();
  }
}
