/** One text for all inputs that mean the same, whatever the order of their fields. Pure. */
import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { SerializationError } from '../ground/errors.ts';

/** Longer texts are replaced by their digest, UTF-16 units. */
const LONGEST_TEXT = 200;
const MAX_DEPTH = 64;

/** @throws SerializationError for what cannot travel: functions, symbols, what is nested too deep or in itself. */
export function canonicalKey(value: unknown): string {
  const text = canonical(value, 0);
  return text.length <= LONGEST_TEXT ? text : `#${createHash('sha256').update(text).digest('base64url')}`;
}

function canonical(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `${value}n`;
    case 'undefined':
      return 'null';
    case 'object':
      return value === null ? 'null' : canonicalObject(value, depth + 1);
    default:
      throw new SerializationError(`the input makes no key: it holds a ${typeof value}`);
  }
}

function canonicalObject(value: object, depth: number): string {
  if (depth > MAX_DEPTH)
    throw new SerializationError(`the input makes no key: it is more than ${MAX_DEPTH} levels deep`);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth)).join()}]`;
  if (types.isDate(value)) return `@${value.getTime()}`;
  if (ArrayBuffer.isView(value))
    return `<${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64url')}>`;
  if (types.isAnyArrayBuffer(value)) return `<${Buffer.from(value).toString('base64url')}>`;
  if (types.isSet(value)) return `[${[...value].map((item) => canonical(item, depth)).join()}]`;
  if (types.isMap(value))
    return canonicalFields(
      [...value].map(([key, item]) => [String(key), item]),
      depth,
    );
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return canonical((toJSON as () => unknown).call(value), depth);
  return canonicalFields(Object.entries(value), depth);
}

function canonicalFields(fields: readonly (readonly [string, unknown])[], depth: number): string {
  const texts = fields
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${JSON.stringify(key)}:${canonical(value, depth)}`);
  return `{${texts.join()}}`;
}
