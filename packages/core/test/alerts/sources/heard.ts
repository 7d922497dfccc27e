/** A signal that remembers what it was told, and what of it is open. */
import type { AlertRecord, RaiseOptions, Severity } from '../../../src/alerts/alert.ts';
import type { Condition, ConditionOptions } from '../../../src/alerts/condition.ts';
import type { ConditionFacts, Signal } from '../../../src/alerts/sources/needs.ts';

export interface Open {
  readonly options: RaiseOptions;
  readonly severity: Severity;
  readonly count: number;
  readonly message: string;
}

const SEVERITIES = ['low', 'medium', 'high', 'critical'];

export class Heard implements Signal {
  /** Everything, in order: `high no-consumers`, `clear no-consumers`, `joy recovered`. */
  readonly told: string[] = [];
  readonly pleasures: RaiseOptions[] = [];
  readonly #open = new Map<string, Open>();
  /** Who says that it hurts. */
  readonly active: Map<string, string[]> = new Map();
  #selfId: () => string;

  constructor(selfId: () => string = () => 'self-1') {
    this.#selfId = selfId;
  }

  raise(options: RaiseOptions): void {
    const key = keyOf(options);
    const before = this.#open.get(key);
    const severity = (options.severity ?? 'medium') as Severity;
    const isWorse = before !== undefined && SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(before.severity);
    if (before === undefined || isWorse) this.told.push(`${severity} ${options.kind}`);
    this.#open.set(key, {
      options,
      severity: before === undefined || isWorse ? severity : before.severity,
      count: (before?.count ?? 0) + 1,
      message: options.message,
    });
    this.active.set(key, [...new Set([...(this.active.get(key) ?? []), this.#selfId()])]);
  }

  clear(condition: ConditionFacts): void {
    this.active.delete(keyOf(condition));
    if (this.#open.delete(keyOf(condition))) this.told.push(`clear ${condition.kind}`);
  }

  pleasure(options: RaiseOptions): void {
    this.told.push(`joy ${options.kind}`);
    this.pleasures.push(options);
  }

  /** Without qualification: sources judge their looks themselves. */
  condition(options: ConditionOptions): Condition {
    let closed = false;
    let isOn = false;
    const close = (): void => void (closed = true);
    return {
      sample: (hurts, more) => {
        if (closed) return;
        if (hurts) this.raise({ ...options, ...more });
        else if (isOn) this.clear(options);
        isOn = hurts;
      },
      close,
      [Symbol.dispose]: close,
    };
  }

  get open(): readonly Open[] {
    return [...this.#open.values()];
  }

  find(kind: string, scope?: string): Open | undefined {
    return this.open.find(({ options }) => options.kind === kind && (scope === undefined || options.scope === scope));
  }

  /** As a view would show it. */
  records(): AlertRecord[] {
    return [...this.#open].map(
      ([key, { options, severity }]) =>
        ({
          type: 'pain',
          state: 'open',
          kind: options.kind,
          severity,
          fingerprint: key,
          source: { service: options.service, method: options.method, nodeId: '' },
          metrics: options.metrics,
          active: this.active.get(key) ?? [],
        }) as unknown as AlertRecord,
    );
  }
}

export function keyOf({ kind, service, method, scope }: ConditionFacts): string {
  return [kind, service, method, scope].join(' ');
}
