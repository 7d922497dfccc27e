/** What this node has under way at others, by service and node. Nothing is kept of what has ended, so nothing leaks. */
export interface InFlightGauge {
  readonly service: string;
  readonly nodeId: string;
  readonly inFlight: number;
}

export class InFlight {
  readonly #services = new Map<string, Map<string, number>>();

  started(service: string, nodeId: string): void {
    let nodes = this.#services.get(service);
    if (nodes === undefined) this.#services.set(service, (nodes = new Map()));
    nodes.set(nodeId, (nodes.get(nodeId) ?? 0) + 1);
  }

  /** Once for each `started`; one too many does nothing. */
  ended(service: string, nodeId: string): void {
    const nodes = this.#services.get(service);
    const count = nodes?.get(nodeId);
    if (nodes === undefined || count === undefined) return;
    if (count > 1) nodes.set(nodeId, count - 1);
    else nodes.delete(nodeId);
    if (nodes.size === 0) this.#services.delete(service);
  }

  of(service: string, nodeId: string): number {
    return this.#services.get(service)?.get(nodeId) ?? 0;
  }

  all(): readonly InFlightGauge[] {
    return [...this.#services].flatMap(([service, nodes]) =>
      [...nodes].map(([nodeId, inFlight]) => ({ service, nodeId, inFlight })),
    );
  }
}
