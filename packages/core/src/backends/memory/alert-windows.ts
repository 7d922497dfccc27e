import type { PermitAsk } from '../../ports/alerts.ts';

/** A rate is counted in so many steps of its window: it looks back over at least all but one of them. */
const STEPS = 20;

interface Passed {
  readonly at: number;
  readonly fresh: boolean;
  readonly key: string | undefined;
}

/** What passed, and how much came, in windows over all nodes. */
export class AlertWindows {
  readonly #passed = new Map<string, readonly Passed[]>();
  /** Number of the step → how much came in it. */
  readonly #counts = new Map<string, ReadonlyMap<number, number>>();

  permit({ name, limit, windowMs, burst, key }: PermitAsk, now: number): boolean {
    // What lies far ahead was counted before the clock was set back.
    const passed = (this.#passed.get(name) ?? []).filter(({ at }) => at > now - windowMs && at < now + windowMs);
    this.#passed.set(name, passed);
    if (key !== undefined && passed.some((one) => one.key === key)) return true;
    const fresh = passed.filter((one) => one.fresh).length;
    const passes = passed.length < limit || (burst !== undefined && fresh < burst);
    if (passes) this.#passed.set(name, [...passed, { at: now, fresh: burst !== undefined, key }]);
    return passes;
  }

  rate(name: string, add: number, windowMs: number, now: number): number {
    const step = Math.floor((now * STEPS) / windowMs);
    const counts = new Map([...(this.#counts.get(name) ?? [])].filter(([at]) => at > step - STEPS && at <= step));
    if (add > 0) counts.set(step, (counts.get(step) ?? 0) + add);
    this.#counts.set(name, counts);
    return [...counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
