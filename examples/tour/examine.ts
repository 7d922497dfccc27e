import { createHash } from 'node:crypto';

const WORD = /[\p{L}\p{N}_]+/gu;

/** Counts the words of a text and hashes its bytes. */
export function examine(bytes: Uint8Array): { words: number; sha256: string } {
  const text = new TextDecoder().decode(bytes);
  let words = 0;
  for (const _ of text.matchAll(WORD)) words += 1;
  return { words, sha256: createHash('sha256').update(bytes).digest('hex') };
}
