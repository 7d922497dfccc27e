/**
 * How long things took, in buckets of a sixteenth of an octave, as HdrHistogram has them: the leading bits of a whole
 * number say which. A quantile is right within a sixteenth, and adding to it costs next to nothing.
 */

/** Counted in 1/1,024 ms, 1 µs. */
const PER_MS = 1_024;
/** Buckets of an octave, and the bits that tell them apart. */
const PER_OCTAVE = 16;
const BITS = 4;
/** 35 min: what takes longer counts as this. */
const LONGEST = 2 ** 31 - 1;

export class Histogram {
  readonly #counts = new Uint32Array((31 - BITS + 1) * PER_OCTAVE);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(ms: number): void {
    const units = Math.min(ms * PER_MS, LONGEST) | 0;
    const octave = Math.max(0, 31 - BITS - Math.clz32(units));
    this.#counts[octave * PER_OCTAVE + (units >> octave)]! += 1;
    this.#size += 1;
  }

  /** The time that `part` of them did not exceed, ms; 0 where there are none. */
  quantile(part: number): number {
    let left = Math.ceil(part * this.#size);
    if (left === 0) return 0;
    const bucket = this.#counts.findIndex((count) => (left -= count) <= 0);
    const octave = Math.max(0, Math.floor(bucket / PER_OCTAVE) - 1);
    return ((bucket - octave * PER_OCTAVE + 1) * 2 ** octave) / PER_MS;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#size = 0;
  }
}
