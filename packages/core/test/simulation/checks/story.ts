/** A history with what checks ask for again and again at hand. All places are indices into the history. */
import type { Happening, Started } from '../history.ts';

/** A run of a handler. */
export interface Run extends Started {
  readonly startedAt: number;
  /** Infinity: it never ended. */
  readonly endedAt: number;
  readonly how: 'done' | 'failed' | undefined;
}

/** A member's id is the name of its process, a dash and ten characters. */
const SUFFIX = 11;

export class Story {
  readonly history: readonly Happening[];
  readonly runs: readonly Run[];
  readonly #gone = new Map<string, number>();
  readonly #closed = new Map<string, number>();

  constructor(history: readonly Happening[]) {
    this.history = history;
    const runs = new Map<number, Run>();
    history.forEach((one, index) => {
      if (one.type === 'started') runs.set(one.run, { ...one, startedAt: index, endedAt: Infinity, how: undefined });
      else if (one.type === 'ended') runs.set(one.run, { ...runs.get(one.run)!, endedAt: index, how: one.how });
      else if (one.type === 'gone') this.#gone.set(one.member, index);
      else if (one.type === 'fault' && one.kind === 'close') this.#closed.set(one.process, index);
    });
    this.runs = [...runs.values()];
  }

  all<Type extends Happening['type']>(type: Type): Extract<Happening, { type: Type }>[] {
    return this.history.filter((one) => one.type === type) as Extract<Happening, { type: Type }>[];
  }

  /** When the member was no more; Infinity: it is one still. */
  goneAt(member: string): number {
    return this.#gone.get(member) ?? Infinity;
  }

  /** When what the member had went to others at the earliest. */
  lostAt(member: string): number {
    return Math.min(this.goneAt(member), this.#closedAtOf(member));
  }

  /** When the process began to close and to hand back what it had; Infinity: it did not. */
  #closedAtOf(member: string): number {
    return this.#closed.get(processOf(member)) ?? Infinity;
  }
}

export function processOf(member: string): string {
  return member.slice(0, -SUFFIX);
}

export function groupBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string | undefined): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
