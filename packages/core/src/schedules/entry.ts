/** One schedule as this node knows it. */
import type { Definition, Progress } from './definition.ts';
import { nextTick, tallyOf } from './judge.ts';
import { ticksOf, type Ticks } from './ticks.ts';

export interface DefinitionHeld {
  readonly definition: Definition;
  readonly revision: number;
  readonly by: string;
  /** When it was put last: backend time, ms. */
  readonly at: number;
  /** Backend time from which on it is void, ms; undefined: it stays. */
  readonly until: number | undefined;
}

export class Entry {
  readonly name: string;
  readonly held: DefinitionHeld;
  readonly ticks: Ticks;
  /** Where it belongs to this definition. */
  readonly progress: Progress | undefined;
  #next: { readonly tick: number | undefined } | undefined;

  constructor(name: string, held: DefinitionHeld, progress: Progress | undefined) {
    this.name = name;
    this.held = held;
    this.progress = progress?.id === held.definition.id ? progress : undefined;
    this.ticks = ticksOf(held.definition.when, held.definition.from);
  }

  get definition(): Definition {
    return this.held.definition;
  }

  /** Found out once: a cron expression takes its time. */
  get next(): number | undefined {
    const { definition, ticks, progress } = this;
    this.#next ??= { tick: nextTick(definition, ticks, tallyOf(definition, progress)) };
    return this.#next.tick;
  }
}
