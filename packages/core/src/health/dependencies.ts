/** Services that this node cannot do without. */
import { isRoutable } from '../registry/instance.ts';
import type { Part } from './aggregate.ts';
import type { RegistryView } from './needs.ts';

export class Dependencies {
  readonly #registry: RegistryView;
  /** Name → whether the node is of no use without it. */
  readonly #names = new Map<string, boolean>();
  #missing: readonly string[] = [];

  constructor(registry: RegistryView) {
    this.#registry = registry;
  }

  add(names: readonly string[], critical: boolean): void {
    for (const name of names) this.#names.set(name, critical || this.#names.get(name) === true);
  }

  /** Looks whether each has an instance that work may be sent to. True: the answer is another than before. */
  async look(): Promise<boolean> {
    if (this.#names.size === 0) return false;
    const missing: string[] = [];
    for (const name of this.#names.keys()) {
      const instances = await this.#registry.instances(name, { status: 'any' });
      if (!instances.some(({ status }) => isRoutable(status))) missing.push(name);
    }
    const changed = missing.join() !== this.#missing.join();
    this.#missing = missing;
    return changed;
  }

  parts(): readonly Part[] {
    return this.#missing.map((name) => ({ name, status: 'degraded', reason: absent(name) }));
  }

  /** Why the node is not ready: what is critical and missing. */
  reasons(): readonly string[] {
    return this.#missing.filter((name) => this.#names.get(name)).map(absent);
  }
}

function absent(name: string): string {
  return `no instance of ${name}, which this node depends on, can take work`;
}
