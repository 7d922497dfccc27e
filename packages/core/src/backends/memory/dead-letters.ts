import type { DeadEntry } from '../../ports/broker.ts';
import { both, hasWork, without } from './mask.ts';

/** The dead letters of one mailbox, oldest first. */
export class DeadLetters {
  readonly #entries = new Map<string, DeadEntry>();
  #lastOrder = 0;

  get size(): number {
    return this.#entries.size;
  }

  add(letter: Omit<DeadEntry, 'id'>): void {
    this.#lastOrder += 1;
    // Of the form of a stream's id, which is what the pages of dead letters reckon with.
    const id = `${this.#lastOrder}-0`;
    this.#entries.set(id, { id, ...letter });
  }

  page(after: string | undefined, limit: number): DeadEntry[] {
    const page: DeadEntry[] = [];
    const from = after === undefined ? 0 : orderOf(after);
    for (const letter of this.#entries.values()) {
      if (page.length >= limit) break;
      if (orderOf(letter.id) > from) page.push({ ...letter, frame: new Uint8Array(letter.frame) });
    }
    return page;
  }

  /** Takes `moved` out; answers what was taken, with the mask of it, or nothing when all of it is gone already. */
  take(id: string, moved: string): DeadEntry | undefined {
    const letter = this.#entries.get(id);
    if (letter === undefined) return undefined;
    const todo = both(letter.todo, moved);
    if (!hasWork(todo)) return undefined;
    const rest = without(letter.todo, todo);
    if (hasWork(rest)) this.#entries.set(id, { ...letter, todo: rest });
    else this.#entries.delete(id);
    return { ...letter, todo };
  }
}

function orderOf(id: string): number {
  return Number.parseInt(id, 10);
}
