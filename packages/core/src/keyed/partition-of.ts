/**
 * Which partition a key belongs to: the same in every process, for ever. FNV-1a with 32 bits over the key's UTF-8 bytes
 * (Fowler, Noll and Vo, 1991), modulo the number of partitions.
 */

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

export function fnv1a(text: string): number {
  let hash = OFFSET;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return ofBytes(Buffer.from(text, 'utf8'));
    hash = Math.imul(hash ^ unit, PRIME);
  }
  return hash >>> 0;
}

/** 0 to `partitions` - 1. */
export function partitionOf(key: string, partitions: number): number {
  return fnv1a(key) % partitions;
}

function ofBytes(bytes: Uint8Array): number {
  let hash = OFFSET;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME);
  return hash >>> 0;
}
