/** What this node has held back and could not route, since it began. */
import type { AlertRecord, AttenuatedBy } from './alert.ts';
import type { Change } from './judgement.ts';

export class Counting {
  readonly #attenuated: Partial<Record<AttenuatedBy, number>> = {};

  get attenuated(): Readonly<Partial<Record<AttenuatedBy, number>>> {
    return { ...this.#attenuated };
  }

  /** This node has carried it out. */
  committed({ record }: Change, before: AlertRecord | undefined): void {
    if (record === undefined) return;
    const known = before?.id === record.id ? before.attenuated : {};
    for (const [by, count] of Object.entries(record.attenuated) as [AttenuatedBy, number][]) {
      const more = count - (known[by] ?? 0);
      if (more > 0) this.#attenuated[by] = (this.#attenuated[by] ?? 0) + more;
    }
  }
}
