/** Calls of a service that everything depends on fail, one after the other. */
import { isAnswer } from '../../breaker/counts.ts';
import type { HomeostatError } from '../../ground/errors.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import { Pains } from './pains.ts';

/** Faults of the caller, of the request, or of the way, which has pains of its own: they say nothing of the service. */
const OTHERS_FAULTS: ReadonlySet<string> = new Set([
  'ABORTED',
  'BACKEND_FULL',
  'CONFIG',
  'METHOD_NOT_FOUND',
  'NODE_CLOSED',
  'NOT_MEMBER',
  'OVERLOADED',
  'PAYLOAD_TOO_LARGE',
  'SERIALIZATION',
  'SERVICE_DISABLED',
  'TRANSPORT',
  'VALIDATION',
]);

export class ServiceFailing implements Source {
  readonly #after: number;
  readonly #pains: Pains;
  /** Service → failed calls in a row. */
  readonly #rows: Map<string, number>;

  constructor(needs: SourcesNeeds, { criticalServices, criticalAfter }: SourcesPolicy) {
    this.#after = criticalAfter;
    this.#pains = new Pains(needs);
    this.#rows = new Map(criticalServices.map((service) => [service, 0]));
  }

  watches(service: string): boolean {
    return this.#rows.has(service);
  }

  /** A call of this node has ended. An error that the service means to answer is an answer. */
  called(service: string, method: string, error: HomeostatError | undefined): void {
    const row = this.#rows.get(service);
    if (row === undefined) return;
    if (error === undefined || isAnswer(error)) {
      if (row === 0) return;
      this.#rows.set(service, 0);
      this.#pains.over(service);
    } else if (!OTHERS_FAULTS.has(error.code)) {
      this.#rows.set(service, row + 1);
      if (row + 1 >= this.#after) this.#tell(service, method, row + 1, error);
    }
  }

  close(): void {
    this.#pains.close();
  }

  #tell(service: string, method: string, failures: number, { code, message }: HomeostatError): void {
    this.#pains.hurts(service, { kind: 'service-failing', service }, () => ({
      severity: 'critical',
      message: `${service}: ${failures} calls in a row have failed; the last, ${method}: ${message}`,
      metrics: { failures, method, code },
    }));
  }
}
