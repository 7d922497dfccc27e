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

export interface ProgressHeld {
  readonly progress: Progress;
  readonly revision: number;
}

export class Entry {
  readonly name: string;
  readonly held: DefinitionHeld;
  readonly ticks: Ticks;
  /** Of whichever definition it is. */
  readonly stored: ProgressHeld | undefined;
  #next: { readonly tick: number | undefined } | undefined;

  constructor(name: string, held: DefinitionHeld, stored: ProgressHeld | undefined) {
    this.name = name;
    this.held = held;
    this.stored = stored;
    this.ticks = ticksOf(held.definition.when, held.definition.from);
  }

  get definition(): Definition {
    return this.held.definition;
  }

  /** Where it belongs to this definition. */
  get progress(): Progress | undefined {
    const progress = this.stored?.progress;
    return progress?.id === this.definition.id ? progress : undefined;
  }

  /** Found out once: a cron expression takes its time. */
  get next(): number | undefined {
    const { definition, ticks, progress } = this;
    this.#next ??= { tick: nextTick(definition, ticks, tallyOf(definition, progress)) };
    return this.#next.tick;
  }
}
