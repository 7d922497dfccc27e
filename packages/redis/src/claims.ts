/** From stream entries to claims. What cannot be one is named, never thrown: input from Redis is hostile. */
import type { Claim } from './core.ts';

/** An entry as XREADGROUP, XRANGE and XCLAIM answer it. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

/** What came in one read and takes longer to handle than the next read takes to send, bytes. */
const MUCH_BYTES = 4_096;

export function isMuch(entries: readonly RawEntry[]): boolean {
  let bytes = 0;
  for (const [, fields] of entries) for (const field of fields ?? []) bytes += field.length;
  return bytes >= MUCH_BYTES;
}

/** A claim that remembers which hold on its entry it is: a settlement for an older hold is refused. */
export interface OwnedClaim extends Claim {
  readonly hold: number;
}

let lastHold = 0;

export interface ParsedEntries {
  readonly claims: OwnedClaim[];
  /** Pending, but trimmed away by somebody: there is nothing left to handle. */
  readonly trimmed: string[];
  /** Not written by any of ours. */
  readonly foreign: string[];
}

const LARGEST_COUNT = 65_535;

/** Each is a hold of its own, unless they are all of `hold`. */
export function parseEntries(
  mailbox: string,
  entries: readonly RawEntry[],
  records?: ReadonlyMap<string, string>,
  hold?: number,
): ParsedEntries {
  const parsed: ParsedEntries = { claims: [], trimmed: [], foreign: [] };
  for (const [rawId, fields] of entries) {
    const id = rawId.toString('latin1');
    if (fields === null) {
      parsed.trimmed.push(id);
      continue;
    }
    const claim = toClaim(mailbox, id, fields, records?.get(id), hold);
    if (claim === undefined) parsed.foreign.push(id);
    else parsed.claims.push(claim);
  }
  return parsed;
}

function toClaim(
  mailbox: string,
  id: string,
  fields: readonly Buffer[],
  record: string | undefined,
  hold: number | undefined,
): OwnedClaim | undefined {
  let frame: Buffer | undefined;
  let count = 0;
  let todo: string | undefined;
  let deliveries = 0;
  let history: string | undefined;
  let carried: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as Buffer;
    const value = fields[i + 1] as Buffer;
    if (name.length !== 1) continue;
    switch (name[0]) {
      case 0x66: // f
        frame = value;
        break;
      case 0x6e: // n
        count = smallInteger(value);
        break;
      case 0x74: // t
        todo = value.toString('latin1');
        break;
      case 0x64: // d
        deliveries = smallInteger(value);
        break;
      case 0x68: // h
        history = value.toString();
        break;
      case 0x70: // p
        carried = value.toString('latin1');
        break;
      default:
    }
  }
  if (frame === undefined || count < 1 || count > LARGEST_COUNT || deliveries < 0) return undefined;
  if (todo !== undefined && !isMask(todo, count)) return undefined;
  const latest = record === undefined || record === '' ? carried : record;
  const progress = latest === undefined ? undefined : parseRecord(latest);
  if (progress !== undefined && isMask(progress.mask, count)) todo = progress.mask;
  return {
    mailbox,
    hold: hold ?? ++lastHold,
    id,
    frame,
    count,
    deliveries,
    crashes: progress?.crashes ?? 0,
    ...(todo === undefined ? undefined : { todo }),
    ...(history === undefined ? undefined : { history }),
    ...(progress === undefined || progress.charges.size === 0 ? undefined : { charges: progress.charges }),
  };
}

/** Digits only; -1 for anything else, so that it never passes for a count. */
function smallInteger(value: Buffer): number {
  if (value.length < 1 || value.length > 5) return -1;
  let result = 0;
  for (const byte of value) {
    if (byte < 0x30 || byte > 0x39) return -1;
    result = result * 10 + byte - 0x30;
  }
  return result;
}

function isMask(mask: string, count: number): boolean {
  return mask.length === count && /^[01]+$/.test(mask);
}

interface ProgressRecord {
  readonly crashes: number;
  readonly mask: string;
  readonly charges: ReadonlyMap<number, number>;
}

/** `crashes|mask|mark|charges`, see lua/lib/progress.lua. */
function parseRecord(text: string): ProgressRecord | undefined {
  const match = /^(\d+)\|([01]*)\|\d*\|([\d:,]*)$/.exec(text);
  if (match === null) return undefined;
  const charges = new Map<number, number>();
  for (const part of (match[3] ?? '').split(',')) {
    const [index, count] = part.split(':');
    if (index !== undefined && index !== '' && count !== undefined) charges.set(Number(index), Number(count));
  }
  return { crashes: Number(match[1]), mask: match[2] ?? '', charges };
}

/** How many envelopes of a claim are to do. */
export function ones(mask: string): number {
  let count = 0;
  for (let i = 0; i < mask.length; i += 1) if (mask.charCodeAt(i) === 0x31) count += 1;
  return count;
}
