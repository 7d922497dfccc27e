/** Opens a body that lay outside: anybody who can write there may have put it. */
import { FrameInvalid } from '../ground/errors.ts';
import { readBody } from './body-reader.ts';
import { Scanner } from './scan.ts';

/** @throws FrameInvalid when the bytes are too many, or not exactly one value within the bounds of `scan.ts`. */
export function openBody(body: Uint8Array, maxBytes: number): unknown {
  if (body.byteLength > maxBytes) throw new FrameInvalid('too-large');
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const scanner = new Scanner(bytes);
  scanner.skip();
  if (!scanner.done) throw new FrameInvalid('trailing');
  return readBody(bytes, 0, bytes.length);
}
