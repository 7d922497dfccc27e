/** Where an owner reads its log: on and on, back to what was skipped, and past what nobody needs again. */
import type { InLog, Line } from './line.ts';
import { comparePositions, justBefore } from './position.ts';

export class Cursor {
  readonly #line: Line<InLog>;
  readonly #seek: (after: string) => void;
  /** Where reading was last begun anew; nothing has come since. */
  #sought: string | undefined;
  /** What came while nothing could be taken, from here on. */
  #missed: string | undefined;

  /** @param seek makes the reader go on behind an entry. */
  constructor(line: Pick<Line<InLog>, 'wanted' | 'rewound' | 'leap' | 'leapt'>, seek: (after: string) => void) {
    this.#line = line as Line<InLog>;
    this.#seek = seek;
  }

  /** Something has come. */
  came(): void {
    this.#sought = undefined;
  }

  /** It came, and could not be taken. */
  miss(id: string): void {
    if (this.#missed === undefined || comparePositions(id, this.#missed) < 0) this.#missed = id;
  }

  /** Goes to where something is wanted from. */
  move(): void {
    const from = this.#wanted();
    if (from !== undefined) {
      if (from === this.#sought) return;
      this.#sought = from;
      this.#missed = undefined;
      this.#line.rewound(from);
      this.#seek(justBefore(from));
      return;
    }
    if (this.#sought !== undefined) return;
    const furthest = this.#line.leap();
    if (furthest === undefined) return;
    this.#line.leapt();
    this.#seek(furthest);
  }

  #wanted(): string | undefined {
    const skipped = this.#line.wanted();
    const missed = this.#missed;
    if (skipped === undefined || missed === undefined) return skipped ?? missed;
    return comparePositions(missed, skipped) < 0 ? missed : skipped;
  }
}
