/** A condition that is judged by samples: told when it has hurt for long enough, over when it has not. */
import type { Timers } from '../ground/clock.ts';
import type { RaiseOptions, Severity } from './alert.ts';
import { isWorse, parseSeverity } from './severity.ts';
import { looked, settled, turnsAt, UNSEEN, type Qualified, type QualifierPolicy } from './qualify.ts';

/** While it hurts it is told again so often, ms: so that how long it lasts can be seen. */
const AGAIN_MS = 60_000;
const DEFAULT_SEVERITY: Severity = 'medium';

export interface ConditionOptions extends RaiseOptions {
  /** Told when it has hurt for so long without a break, ms. Default 0: at once. */
  readonly onDelayMs?: number | undefined;
  /** Over when it has not hurt for so long, ms. Default 0: at once. */
  readonly offDelayMs?: number | undefined;
  /** It hurts when `need` of the last `of` samples do. Default 1. */
  readonly need?: number | undefined;
  /** Default: `need`. */
  readonly of?: number | undefined;
}

export interface Condition extends Disposable {
  /** It hurts now, or it does not. `more` is said of it while it hurts. Never throws; most samples cost nothing. */
  sample(hurts: boolean, more?: Partial<RaiseOptions>): void;
  /** Nothing more is known of it from here. What is open stays open, until somebody else says that it is over. */
  close(): void;
}

export interface SampledNeeds {
  readonly timers: Timers;
  readonly policy: QualifierPolicy;
  raise(more: Partial<RaiseOptions>): void;
  clear(): void;
}

export class Sampled implements Condition {
  readonly #needs: SampledNeeds;
  #known: Qualified = UNSEEN;
  #more: Partial<RaiseOptions> = {};
  /** On the clock's `elapsed()`, ms. */
  #toldAt = -Infinity;
  /** With which it was told. */
  #severity: Severity = DEFAULT_SEVERITY;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(needs: SampledNeeds) {
    this.#needs = needs;
  }

  sample(hurts: boolean, more: Partial<RaiseOptions> = {}): void {
    if (this.#closed) return;
    if (hurts) this.#more = more;
    const { timers, policy } = this.#needs;
    const now = timers.clock.elapsed();
    this.#become(looked(this.#known, hurts, now, policy));
    if (hurts && this.#known.isOn && (now - this.#toldAt >= AGAIN_MS || this.#hurtsMore())) this.#tell();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #become(next: Qualified): void {
    const before = this.#known;
    this.#known = next;
    this.#arm();
    if (next.isOn === before.isOn) return;
    if (next.isOn) this.#tell();
    else this.#needs.clear();
  }

  #hurtsMore(): boolean {
    return isWorse(severityOf(this.#more), this.#severity);
  }

  #tell(): void {
    this.#toldAt = this.#needs.timers.clock.elapsed();
    this.#severity = severityOf(this.#more);
    this.#needs.raise(this.#more);
  }

  /** Rings when it turns without another sample. */
  #arm(): void {
    const { timers, policy } = this.#needs;
    this.#cancel?.();
    this.#cancel = undefined;
    const at = turnsAt(this.#known, policy);
    if (at === undefined) return;
    this.#cancel = timers.setTimer(Math.max(1, at - timers.clock.elapsed()), () => {
      this.#become(settled(this.#known, timers.clock.elapsed(), policy));
    });
  }
}

function severityOf({ severity }: Partial<RaiseOptions>): Severity {
  return parseSeverity(severity ?? DEFAULT_SEVERITY) ?? DEFAULT_SEVERITY;
}
