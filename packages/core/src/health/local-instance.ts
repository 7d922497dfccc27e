/** One mailbox that this node serves: what its work and its checks say of it, and whether it takes part. */
import { serviceOf } from '../registry/instance.ts';
import { aggregate, type Judgement, type Part } from './aggregate.ts';
import type { Check } from './check.ts';
import { Outcomes } from './outcomes.ts';
import { outBecause } from './rotation.ts';
import { unhealthyBecause, type HealthLimits } from './score.ts';

export class LocalInstance {
  readonly mailbox: string;
  readonly service: string;
  readonly outcomes: Outcomes = new Outcomes();
  judgement: Judgement = { status: 'starting' };
  /** It was well before: a check that is added later has no need to make it start anew. */
  #begun = false;
  /** Why it is out of rotation; undefined when it is in. */
  out: string | undefined;
  /** A ping that asks whether it may come back is under way. */
  pinging = false;

  constructor(mailbox: string) {
    this.mailbox = mailbox;
    this.service = serviceOf(mailbox);
  }

  /** The worst of what its work and its probes say, 0 to 1. */
  score(checks: readonly Check[]): number {
    return Math.min(this.outcomes.score, ...checks.map(({ score }) => score ?? 1));
  }

  /** From all that has a say in it, the checks and what else is given. True: its status is another than before. */
  judge(parts: readonly Part[], checks: readonly Check[], limits: HealthLimits): boolean {
    const before = this.judgement.status;
    const all = [...parts, ...this.#workParts(checks, limits)];
    this.judgement = aggregate(this.#begun ? all.filter(hasStarted) : all);
    this.#begun ||= this.judgement.status !== 'starting';
    return this.judgement.status !== before;
  }

  /** True: it has left rotation or has come back. */
  rotate(checks: readonly Check[], removeBelow: number, at: number): boolean {
    const before = this.out;
    this.out = outBecause(before, checks, removeBelow, at);
    return (before === undefined) !== (this.out === undefined);
  }

  #workParts(checks: readonly Check[], limits: HealthLimits): readonly Part[] {
    const parts: Part[] = [];
    if (!this.outcomes.routable)
      parts.push({ name: 'work', status: 'unhealthy', reason: 'it failed too often of late' });
    const failed = checks.some(({ standing }) => standing.status === 'unhealthy');
    const why = unhealthyBecause(
      {
        score: this.score(checks),
        responseMs: slowest(checks),
        errorRate: this.outcomes.errorRate,
        checkFailed: failed,
      },
      limits,
    );
    // A check that failed speaks for itself.
    if (why !== undefined && !failed) parts.push({ name: 'limits', status: 'unhealthy', reason: why });
    return parts;
  }
}

export function partOf({ name, standing: { status, reason } }: Check): Part {
  return { name, status, reason };
}

export function hasStarted({ status }: Part): boolean {
  return status !== 'starting';
}

function slowest(checks: readonly Check[]): number | undefined {
  const times = checks.map(({ responseMs }) => responseMs).filter((ms) => ms !== undefined);
  return times.length === 0 ? undefined : Math.max(...times);
}
