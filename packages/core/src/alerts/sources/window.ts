/** Sums over the last looks: of what was counted in each, say how much it was in the last `looks` of them. */
export class Window {
  readonly #looks: number;
  readonly #kept: (readonly [number, number])[] = [];
  first = 0;
  second = 0;

  constructor(windowMs: number, lookMs: number) {
    this.#looks = Math.max(1, Math.round(windowMs / lookMs));
  }

  /** What the last look brought. */
  add(first: number, second: number): void {
    this.#kept.push([first, second]);
    this.first += first;
    this.second += second;
    if (this.#kept.length <= this.#looks) return;
    const [oldFirst, oldSecond] = this.#kept.shift()!;
    this.first -= oldFirst;
    this.second -= oldSecond;
  }
}
