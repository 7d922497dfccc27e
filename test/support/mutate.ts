/** Makes a frame wrong: a bit, a byte, a piece less, a piece more, an end that is missing. */
import type { Random } from './random.ts';

const MOST_CHANGES = 3;

export function mutate(frame: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(frame);
  for (let changes = 1 + random.below(MOST_CHANGES); changes > 0; changes -= 1) bytes = change(bytes, random);
  return bytes;
}

function change(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return Buffer.of(random.below(256));
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[at] = random.below(256);
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random.below(256)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    default:
      return bytes.subarray(0, at);
  }
}
