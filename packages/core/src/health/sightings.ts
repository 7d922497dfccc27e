/** What the news say of the instances on other nodes: kept as history, and who has expired. */
import type { Emitter, NodeEvents } from '../node/events.ts';
import type { History } from './history.ts';

/** Expired instances that are remembered; beyond it the oldest is forgotten. */
const MAX_EXPIRED = 10_000;

export interface SightingNeeds {
  readonly events: Emitter;
  readonly history: History;
  now(): number;
  /** This node records its own. */
  selfId(): string;
  /** Somebody came, went or changed. Must not throw. */
  seen(): void;
}

export class Sightings {
  readonly #needs: SightingNeeds;
  readonly #expired = new Set<string>();
  readonly #offs: readonly (() => void)[];

  constructor(needs: SightingNeeds) {
    this.#needs = needs;
    const { events } = needs;
    this.#offs = [
      events.on('registered', (event) => this.#came(event)),
      events.on('deregistered', () => needs.seen()),
      events.on('expired', (event) => this.#died(event)),
      events.on('health', (event) => this.#changed(event)),
    ];
  }

  expired(service: string, nodeId: string): boolean {
    return this.#expired.has(keyOf(service, nodeId));
  }

  close(): void {
    for (const off of this.#offs) off();
  }

  #came({ service, nodeId }: NodeEvents['registered']): void {
    this.#expired.delete(keyOf(service, nodeId));
    this.#needs.seen();
  }

  #died({ service, nodeId }: NodeEvents['expired']): void {
    if (this.#expired.size >= MAX_EXPIRED)
      for (const oldest of [...this.#expired].slice(0, 1)) this.#expired.delete(oldest);
    this.#expired.add(keyOf(service, nodeId));
    this.#needs.history.add(service, { at: this.#needs.now(), nodeId, status: 'expired' });
    this.#needs.seen();
  }

  #changed({ service, nodeId, to, reason }: NodeEvents['health']): void {
    if (nodeId !== this.#needs.selfId())
      this.#needs.history.add(service, { at: this.#needs.now(), nodeId, status: to, reason });
    this.#needs.seen();
  }
}

function keyOf(service: string, nodeId: string): string {
  return `${service} ${nodeId}`;
}
