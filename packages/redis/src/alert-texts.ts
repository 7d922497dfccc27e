/** What alerts are in Redis, as texts. What cannot be read is undefined, never thrown: input from Redis is hostile. */
import { HomeostatError, type AlertSlot } from './core.ts';

/** Of a slot: `<revision>:[<alert id>,<body>]`, JSON behind the colon. */
const SLOT = /^(\d+):(.*)$/s;
/** Of an archived alert: `<number in the log>:<body>`. */
const ARCHIVED = /^\d+:(.*)$/s;

/** A slot whose body cannot be read has the body undefined. */
export function readSlot(fingerprint: string, text: string): AlertSlot | undefined {
  const [, revision, rest] = SLOT.exec(text) ?? [];
  const number = Number(revision ?? '0');
  // The largest one could not grow.
  if (rest === undefined || number < 1 || number >= Number.MAX_SAFE_INTEGER) return undefined;
  const parts = parsed(rest);
  return { fingerprint, revision: number, body: Array.isArray(parts) ? (parts[1] as unknown) : undefined };
}

export function readArchived(text: string): unknown {
  return parsed(ARCHIVED.exec(text)?.[1] ?? '');
}

/** @throws HomeostatError SERIALIZATION */
export function textOf(what: string, body: unknown): string {
  try {
    const text = JSON.stringify(body) as string | undefined;
    if (text !== undefined) return text;
  } catch {
    // Said below, without the value.
  }
  throw new HomeostatError('SERIALIZATION', `${what} is no plain data`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
