/** A figure that is looked at again and again, and hurts from a threshold on. */
import type { RaiseOptions, Severity } from '../alert.ts';
import type { Condition } from '../condition.ts';
import type { ConditionFacts, Signal } from './needs.ts';
import type { Thresholds } from './options.ts';
import { withScope } from './pains.ts';
import { reachedBy, severityOf } from './thresholds.ts';

export interface GaugeOptions {
  readonly facts: ConditionFacts;
  readonly thresholds: Thresholds;
  /** It hurts as much as `need` of the last `of` looks say. Default: as one says. */
  readonly need?: number | undefined;
  readonly of?: number | undefined;
  say(value: number): Pick<RaiseOptions, 'message' | 'metrics' | 'tags' | 'actions'>;
}

/** One bad look is no pain. */
export const MOST_OF_FOUR = { need: 3, of: 4 } as const;

export class Gauge {
  readonly #signal: Signal;
  readonly #options: GaugeOptions;
  /** Made when it hurts for the first time. */
  #condition: Condition | undefined;
  /** The last ones, the latest at the end. */
  #looks: readonly (Severity | undefined)[] = [];

  constructor(signal: Signal, options: GaugeOptions) {
    this.#signal = signal;
    this.#options = options;
  }

  /** `undefined`: too little is known to say that it hurts. */
  sample(value: number | undefined): void {
    const { facts, thresholds, need = 1, of = 1, say } = this.#options;
    const look = value === undefined ? undefined : severityOf(value, thresholds, this.#looks.at(-1));
    this.#looks = [...this.#looks, look].slice(-of);
    const severity = reachedBy(this.#looks, need);
    if (severity === undefined) this.#condition?.sample(false);
    else if (value !== undefined && look !== undefined) {
      const said = withScope(facts, { ...say(value), severity });
      this.#condition ??= this.#signal.condition(said);
      this.#condition.sample(true, said);
    }
  }

  /** It is looked at no more, and hurts nobody here. */
  end(): void {
    if (this.#condition === undefined) return;
    this.#condition.close();
    this.#condition = undefined;
    this.#signal.clear(this.#options.facts);
  }

  close(): void {
    this.#condition?.close();
  }
}
