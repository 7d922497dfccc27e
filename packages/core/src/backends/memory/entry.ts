import type { Claim } from '../../ports/broker.ts';
import { countWork, hasWork } from './mask.ts';

/** One frame in a mailbox, wherever it is: waiting, due later, in a member's hands, or between two members. */
export interface Entry {
  readonly id: string;
  /** Its place in the mailbox's one order. */
  readonly order: number;
  readonly frame: Uint8Array;
  readonly count: number;
  readonly deliveries: number;
  history: string | undefined;
  /** The member it is for; absent: for whoever has room. */
  target: string | undefined;
  /** When it came into the log (backend time, ms); what is due later has not come yet. */
  arrivedAt: number;
  /** Absent: all envelopes are to do. */
  todo: string | undefined;
  crashes: number;
  charges: Map<number, number> | undefined;
  /** The envelope that was about to start, alone. */
  mark: number | undefined;
  /** Who handed it back, and until when (`elapsed()`) somebody else goes first. */
  parkedBy: string | undefined;
  parkedUntil: number;
  /** Of a keyed mailbox: answers of envelopes that have been applied, by index. */
  applied: Map<number, Uint8Array> | undefined;
}

export interface EntryStart {
  readonly frame: Uint8Array;
  readonly count: number;
  readonly todo?: string;
  readonly deliveries?: number;
  readonly history?: string;
  readonly charges?: ReadonlyMap<number, number>;
  readonly target?: string | undefined;
}

export function makeEntry(order: number, start: EntryStart): Entry {
  return {
    id: String(order),
    order,
    frame: start.frame,
    count: start.count,
    deliveries: start.deliveries ?? 0,
    history: start.history,
    target: start.target,
    arrivedAt: 0,
    // A mask without a zero says nothing more than its absence.
    todo: start.todo?.includes('0') === true ? start.todo : undefined,
    crashes: 0,
    charges: start.charges === undefined ? undefined : new Map(start.charges),
    mark: undefined,
    parkedBy: undefined,
    parkedUntil: 0,
    applied: undefined,
  };
}

/** How many envelopes of the entry are not settled yet. */
export function workOf(entry: Entry): number {
  return entry.todo === undefined ? entry.count : countWork(entry.todo);
}

/** The entry as it is handed out. The bytes are a copy: its reader may write to them or transfer them to a thread. */
export function claimOf(mailbox: string, entry: Entry): Claim {
  return {
    mailbox,
    id: entry.id,
    frame: new Uint8Array(entry.frame),
    count: entry.count,
    deliveries: entry.deliveries,
    crashes: entry.crashes,
    ...(entry.todo === undefined ? undefined : { todo: entry.todo }),
    ...(entry.charges === undefined ? undefined : { charges: new Map(entry.charges) }),
    ...(entry.history === undefined ? undefined : { history: entry.history }),
  };
}

/** Its node died: the entry counts the crash, and an envelope marked as started is charged a delivery. */
export function chargeCrash(entry: Entry): void {
  entry.crashes += 1;
  if (entry.mark === undefined) return;
  entry.charges ??= new Map();
  entry.charges.set(entry.mark, (entry.charges.get(entry.mark) ?? 0) + 1);
}

/** Sets what stays to do; false when that is nothing. A mark stays only as long as its envelope is to do. */
export function keepTodo(entry: Entry, todo: string): boolean {
  entry.todo = todo;
  if (entry.mark !== undefined && todo[entry.mark] !== '1') entry.mark = undefined;
  return hasWork(todo);
}
