/** `name=value` words and the patch of live settings that they make. Pure. */
import type { ServiceSettings } from '@homeostat/core';
import { UsageError } from './usage-error.ts';

export interface Assignment {
  /** `retry.attempts` has two parts. */
  readonly path: readonly string[];
  /** `null` takes it back. */
  readonly value: unknown;
}

type Patch = { readonly [Name in keyof ServiceSettings]: ServiceSettings[Name] | null };

type Fields = Readonly<Record<string, unknown>>;

/** @throws UsageError */
export function assignments(words: readonly string[]): readonly Assignment[] {
  if (words.length === 0) throw new UsageError('<key=value> is missing');
  return words.map((word) => {
    const at = word.indexOf('=');
    const path = word.slice(0, Math.max(0, at)).split('.');
    if (at < 0 || path.includes('')) throw new UsageError(`"${word}" is no key=value`);
    const text = word.slice(at + 1);
    if (text === '') throw new UsageError(`"${word}" has no value; ${path.join('.')}=null takes it back`);
    return { path, value: jsonOrText(text) };
  });
}

/** Whether what is there already makes a difference. */
export function isNested(given: readonly Assignment[]): boolean {
  return given.some(({ path }) => path.length > 1);
}

/** Whole fields, as `config.set` takes them: where only a part is assigned, the rest is as in `before`. */
export function patchOf(given: readonly Assignment[], before: ServiceSettings | undefined): Patch {
  let patch: Fields = {};
  for (const { path, value } of given) {
    const [name = '', ...inner] = path;
    const base = Object.hasOwn(patch, name) ? patch[name] : (before as Fields | undefined)?.[name];
    patch = { ...patch, [name]: inner.length === 0 ? value : assigned(base, inner, value) };
  }
  return patch;
}

/** As deep as the paths are; `null` is a value like others. */
export function fieldsAt(given: readonly Assignment[]): Fields {
  return given.reduce((fields, { path, value }) => withValue(fields, path, value), {});
}

function withValue(fields: Fields, [name = '', ...inner]: readonly string[], value: unknown): Fields {
  const before = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return { ...fields, [name]: inner.length === 0 ? value : withValue(fieldsOf(before), inner, value) };
}

function assigned(base: unknown, [name = '', ...inner]: readonly string[], value: unknown): Fields {
  const fields = fieldsOf(base);
  if (inner.length === 0 && value === null)
    return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
  return { ...fields, [name]: inner.length === 0 ? value : assigned(fields[name], inner, value) };
}

/** `retry: 'aggressive'` is short for a profile. */
function fieldsOf(base: unknown): Fields {
  if (typeof base === 'string') return { profile: base };
  return typeof base === 'object' && base !== null ? (base as Fields) : {};
}

/** JSON where it is JSON, else the text itself. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
