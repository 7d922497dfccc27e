/**
 * A main thread stands: this node's own, as it finds when it runs again; and those of others, who cannot say so
 * themselves. Both are one condition of that node.
 */
import type { NodeEvents } from '../../node/events.ts';
import type { ConditionFacts, Source, SourcesNeeds } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import { Pains } from './pains.ts';
import { severityOf } from './thresholds.ts';

type EventLoopPolicy = Exclude<SourcesPolicy['eventLoop'], false>;

/** What the beat of a node says when its main thread does not answer. */
export const HANGS = 'its main thread hangs';
/** So many tell of another: one of them may be the one that stands. */
const WITNESSES = 2;

export class EventLoops implements Source {
  readonly #needs: SourcesNeeds;
  readonly #policy: EventLoopPolicy;
  readonly #own: Pains;
  /** By node. */
  readonly #others: Pains;
  readonly #offs: readonly (() => void)[];

  constructor(needs: SourcesNeeds, policy: EventLoopPolicy) {
    const { events } = needs;
    this.#needs = needs;
    this.#policy = policy;
    this.#own = new Pains(needs);
    this.#others = new Pains(needs);
    this.#offs = [
      events.on('health', (event) => this.#saw(event)),
      events.on('expired', ({ nodeId }) => this.#others.over(nodeId)),
      events.on('deregistered', ({ nodeId }) => this.#others.over(nodeId)),
    ];
  }

  /** In the last beat this node's loop made others wait for `delayMs` at most. */
  stood(delayMs: number): void {
    const { mediumMs, highMs = this.#needs.stallMs } = this.#policy;
    const severity = severityOf(delayMs, { medium: mediumMs, high: highMs });
    const id = this.#needs.selfId();
    if (severity === undefined || id === '') return;
    this.#own.hurts(id, factsOf(id), () => ({
      severity,
      message: `node ${id}: its main thread stood for ${Math.round(delayMs)} ms`,
      metrics: { delayMs: Math.round(delayMs) },
      actions: ['move what computes to a thread pool'],
    }));
  }

  tick(): void {
    this.#own.calm(this.#policy.calmMs);
  }

  close(): void {
    for (const off of this.#offs) off();
    this.#own.close();
    this.#others.close();
  }

  #saw({ nodeId, nodeName, to, reason }: NodeEvents['health']): void {
    if (to !== 'unhealthy' || reason !== HANGS) {
      this.#others.over(nodeId);
      return;
    }
    // It is said once for each service of that node.
    if (this.#others.has(nodeId) || nodeId === this.#needs.selfId()) return;
    if (this.#needs.rank(nodeId) >= WITNESSES) return;
    this.#others.hurts(nodeId, factsOf(nodeId), () => ({
      severity: 'high',
      message: `node ${nodeName} (${nodeId}): its main thread does not answer`,
      impact: 'what it has in hand waits, and it is sent nothing more',
    }));
  }
}

function factsOf(nodeId: string): ConditionFacts {
  return { kind: 'event-loop', scope: `node:${nodeId}` };
}
