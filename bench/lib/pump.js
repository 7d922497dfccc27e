/**
 * Keeps up to `width` operations under way until `total` are done: how a producer that respects acceptance sends in bulk.
 * It refills at half, so that refills come in batches.
 *
 * @param {number} total
 * @param {number} width
 * @param {() => Promise<unknown>} operation
 * @param {(error: Error) => number | undefined} [pause] for a refusal worth another try: how long to wait, in milliseconds
 * @returns {Promise<void>} rejects with the first failure
 */
export function pump(total, width, operation, pause = () => undefined) {
  return new Promise((resolve, reject) => {
    let started = 0;
    let finished = 0;
    const done = () => {
      finished++;
      if (finished === total) resolve();
      else if (started < total && started - finished <= width >> 1) fill();
    };
    /** @param {Error} error */
    const refused = (error) => {
      const ms = pause(error);
      if (ms === undefined) reject(error);
      else setTimeout(() => operation().then(done, refused), ms);
    };
    const fill = () => {
      while (started < total && started - finished < width) {
        started++;
        operation().then(done, refused);
      }
    };
    if (total === 0) resolve();
    else fill();
  });
}
