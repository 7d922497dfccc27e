/** The backend runs out of memory. It says how much it uses with the beat; what it refuses says the rest. */
import type { Severity } from '../alert.ts';
import type { HomeostatError } from '../../ground/errors.ts';
import type { ConditionFacts, Source, SourcesNeeds } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import { Pains, type Say } from './pains.ts';
import { severityOf } from './thresholds.ts';

type BackendMemoryPolicy = Exclude<SourcesPolicy['backendMemory'], false>;

const FACTS: ConditionFacts = { kind: 'redis-full' };
/** All nodes see the same figure: so many tell of it, in case that one of them hangs. */
const WITNESSES = 2;
const MIB = 1_048_576;

export class BackendMemory implements Source {
  readonly #needs: SourcesNeeds;
  readonly #policy: BackendMemoryPolicy;
  readonly #pains: Pains;
  #severity: Severity | undefined;
  /** When it last refused a write of this node, monotonic, ms. */
  #refusedAt = -Infinity;

  constructor(needs: SourcesNeeds, policy: BackendMemoryPolicy) {
    this.#needs = needs;
    this.#policy = policy;
    this.#pains = new Pains(needs);
  }

  /** It has refused a write of this node. */
  refused({ message }: HomeostatError): void {
    this.#refusedAt = this.#needs.timers.clock.elapsed();
    this.#hurts('critical', `the backend has no memory left: ${message}`);
  }

  tick(): void {
    // As long as it refuses, the figure would say less than is known.
    if (this.#needs.timers.clock.elapsed() - this.#refusedAt < this.#policy.calmMs) return;
    const { used, max } = this.#needs.backendMemory() ?? { used: 0, max: 0 };
    const isWitness = this.#pains.has(FACTS.kind) || this.#needs.rank(FACTS.kind) < WITNESSES;
    this.#severity = max > 0 && isWitness ? severityOf(used / max, this.#policy, this.#severity) : undefined;
    if (this.#severity === undefined) this.#pains.over(FACTS.kind);
    else {
      const percent = Math.round((used / max) * 100);
      this.#hurts(this.#severity, `the backend uses ${percent} % of the memory it may use`);
    }
  }

  close(): void {
    this.#pains.close();
  }

  #hurts(severity: Severity, message: string): void {
    this.#pains.hurts(FACTS.kind, FACTS, (): ReturnType<Say> => ({
      severity,
      message,
      metrics: figuresOf(this.#needs),
      impact: severity === 'critical' ? 'nothing new is accepted; what waits is still handed out' : undefined,
      actions: ['raise maxmemory', 'let the mailboxes drain'],
    }));
  }
}

function figuresOf({ backendMemory }: SourcesNeeds): ReturnType<Say>['metrics'] {
  const memory = backendMemory();
  if (memory === undefined) return undefined;
  return { usedMib: Math.round(memory.used / MIB), maxMib: Math.round(memory.max / MIB) };
}
