/** What became of services lately, as this node saw it: a ring for each, so that it stays as small as it is. */
import type { InstanceStatus } from '../ports/report.ts';

export interface HealthMoment {
  /** Ms since the epoch. */
  readonly at: number;
  readonly nodeId: string;
  readonly status: InstanceStatus | 'expired';
  readonly score?: number | undefined;
  readonly responseMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** Moments kept of one service. */
export const HISTORY_LENGTH = 1_000;
/** Services that are remembered; beyond it the one that appeared first is forgotten. */
const MAX_SERVICES = 1_000;

export class History {
  readonly #rings = new Map<string, Ring>();

  add(service: string, moment: HealthMoment): void {
    let ring = this.#rings.get(service);
    if (ring === undefined) {
      if (this.#rings.size >= MAX_SERVICES) this.#rings.delete(firstKey(this.#rings));
      this.#rings.set(service, (ring = new Ring()));
    }
    ring.add(moment);
  }

  /** The last `count` moments, oldest first. */
  last(service: string, count: number): readonly HealthMoment[] {
    return this.#rings.get(service)?.last(count) ?? [];
  }
}

class Ring {
  readonly #moments: HealthMoment[] = [];
  /** Where the next one goes, once it is full. */
  #next = 0;

  add(moment: HealthMoment): void {
    if (this.#moments.length < HISTORY_LENGTH) {
      this.#moments.push(moment);
      return;
    }
    this.#moments[this.#next] = moment;
    this.#next = (this.#next + 1) % HISTORY_LENGTH;
  }

  last(count: number): readonly HealthMoment[] {
    const inOrder = [...this.#moments.slice(this.#next), ...this.#moments.slice(0, this.#next)];
    return count > 0 ? inOrder.slice(-count) : [];
  }
}

function firstKey(map: ReadonlyMap<string, unknown>): string {
  for (const key of map.keys()) return key;
  return '';
}
