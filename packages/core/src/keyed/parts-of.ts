import { readFrame, type Frame } from '../wire/frame.ts';
import { partitionOf } from './partition-of.ts';

/** Where what has no key goes, and what is no frame: its owner says what is wrong with it. */
const KEYLESS = 0;

/** Which envelopes of a frame belong to which partition: by partition, a mask. */
export function partsOf(bytes: Uint8Array, count: number, partitions: number): Map<number, string> {
  const frame = readable(bytes);
  if (frame === undefined || frame.envelopes.length !== count) return new Map([[KEYLESS, '1'.repeat(count)]]);
  const parts = frame.envelopes.map(({ extras }) =>
    extras?.key === undefined ? KEYLESS : partitionOf(extras.key, partitions),
  );
  return new Map(parts.map((part) => [part, parts.map((other) => (other === part ? '1' : '0')).join('')]));
}

/** A body of any size: how large one may be is its reader's business. */
function readable(bytes: Uint8Array): Frame | undefined {
  try {
    return readFrame(bytes, { maxBodyBytes: Infinity });
  } catch {
    return undefined;
  }
}
