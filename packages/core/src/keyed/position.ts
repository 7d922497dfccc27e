/** Where entries stand in their log: ids as the backends make them, `ms-sequence` or a plain number. */

/** Greatest sequence within one millisecond. */
const LAST = '18446744073709551615';

/** Negative: the first stands before the second. */
export function comparePositions(one: string, other: string): number {
  const [ms, sequence] = parts(one);
  const [otherMs, otherSequence] = parts(other);
  return ms - otherMs || compareSequences(sequence, otherSequence);
}

/** The place just before an entry: who reads on behind it gets the entry first. */
export function justBefore(id: string): string {
  const dash = id.indexOf('-');
  if (dash < 0) return String(Number(id) - 1);
  const sequence = id.slice(dash + 1);
  return sequence === '0'
    ? `${Number(id.slice(0, dash)) - 1}-${LAST}`
    : `${id.slice(0, dash)}-${BigInt(sequence) - 1n}`;
}

function parts(id: string): [ms: number, sequence: string] {
  const dash = id.indexOf('-');
  return dash < 0 ? [Number(id), '0'] : [Number(id.slice(0, dash)), id.slice(dash + 1)];
}

function compareSequences(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : one > other ? 1 : 0;
}
