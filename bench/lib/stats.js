/** @param {readonly number[]} values at least one */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Nearest-rank percentile.
 *
 * @param {Float64Array} sorted ascending, at least one
 * @param {number} fraction 0 to 1
 */
export function percentile(sorted, fraction) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(fraction * sorted.length) - 1))];
}

/** Latencies in milliseconds, kept as plain doubles so that measuring adds no garbage of its own. */
export class Samples {
  #values = new Float64Array(1 << 16);
  #length = 0;

  /** @param {number} value */
  add(value) {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  /** @returns {{ count: number, p50: number, p99: number, p999: number, max: number }} */
  summary() {
    if (this.#length === 0) throw new Error('no call was answered in the measured time');
    const sorted = this.#values.slice(0, this.#length).sort();
    return {
      count: this.#length,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      p999: percentile(sorted, 0.999),
      max: sorted[sorted.length - 1],
    };
  }
}

/** CLOCK_MONOTONIC: the same in every process of the machine, so that one can stamp the start and another the end. */
export function monotonicMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}
