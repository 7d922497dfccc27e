/** Chance that can be had again: the same seed gives the same numbers. */
export interface Random {
  readonly seed: number;
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
}

/** Seeded by `seed`, else by `CRASH_SEED`, else by chance. The algorithm is mulberry32. */
export function random(
  seed: number = Number(process.env['CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 32)),
): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { seed: seed >>> 0, below: (below) => Math.floor((next() / 2 ** 32) * below) };
}
