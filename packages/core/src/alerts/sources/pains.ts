/** The pains of one source: each is told while it hurts, the repeats at most once a second, and cleared once. */
import type { RaiseOptions } from '../alert.ts';
import type { ConditionFacts, SourcesNeeds } from './needs.ts';

/** What is said of a pain. Made only when it is told: many that hurt at once are told as one. */
export type Say = () => Pick<
  RaiseOptions,
  'message' | 'severity' | 'metrics' | 'impact' | 'actions' | 'tags' | 'causedBy'
>;

/** Between two raises of one pain, ms. */
const REPEAT_MS = 1_000;

interface Pain {
  readonly facts: ConditionFacts;
  /** On the monotonic clock, ms. */
  lastAt: number;
  toldAt: number;
  /** What hurt since it was told. */
  untold: Say | undefined;
}

export class Pains {
  readonly #needs: Pick<SourcesNeeds, 'signal' | 'timers'>;
  readonly #pains = new Map<string, Pain>();
  #cancel: (() => void) | undefined;

  constructor(needs: Pick<SourcesNeeds, 'signal' | 'timers'>) {
    this.#needs = needs;
  }

  has(key: string): boolean {
    return this.#pains.has(key);
  }

  get keys(): readonly string[] {
    return [...this.#pains.keys()];
  }

  /** It has hurt within the last `ms`. */
  within(key: string, ms: number): boolean {
    const { clock } = this.#needs.timers;
    return clock.elapsed() - (this.#pains.get(key)?.lastAt ?? -Infinity) < ms;
  }

  hurts(key: string, facts: ConditionFacts, say: Say): void {
    const now = this.#needs.timers.clock.elapsed();
    let pain = this.#pains.get(key);
    if (pain === undefined) this.#pains.set(key, (pain = { facts, lastAt: now, toldAt: -Infinity, untold: undefined }));
    pain.lastAt = now;
    pain.untold = say;
    if (now - pain.toldAt >= REPEAT_MS) this.#tell(pain, now);
    else this.#cancel ??= this.#needs.timers.setTimer(REPEAT_MS, () => this.#tellAll());
  }

  /** It does not hurt any more. False: it did not hurt here. */
  over(key: string): boolean {
    const pain = this.#pains.get(key);
    if (pain === undefined) return false;
    this.#pains.delete(key);
    this.#needs.signal.clear(pain.facts);
    return true;
  }

  /** What has not hurt for so long is over. */
  calm(calmMs: number): void {
    const before = this.#needs.timers.clock.elapsed() - calmMs;
    for (const [key, { lastAt }] of [...this.#pains]) if (lastAt <= before) this.over(key);
  }

  close(): void {
    this.#cancel?.();
    this.#pains.clear();
  }

  #tellAll(): void {
    this.#cancel = undefined;
    const now = this.#needs.timers.clock.elapsed();
    for (const pain of this.#pains.values()) if (pain.untold !== undefined) this.#tell(pain, now);
  }

  #tell(pain: Pain, now: number): void {
    const said = pain.untold!();
    pain.untold = undefined;
    pain.toldAt = now;
    this.#needs.signal.raise(withScope(pain.facts, said));
  }
}

/** The scope is told among the figures too: an alert keeps no more than a hash of it. */
export function withScope(facts: ConditionFacts, said: ReturnType<Say>): RaiseOptions {
  const { scope } = facts;
  if (scope === undefined) return { ...facts, ...said };
  return { ...facts, ...said, metrics: { ...said.metrics, scope } };
}
