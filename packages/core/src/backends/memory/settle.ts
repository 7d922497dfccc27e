import type { Settlement } from '../../ports/broker.ts';
import type { DeadLetters } from './dead-letters.ts';
import { keepTodo, workOf, type Entry } from './entry.ts';
import type { Mailbox } from './mailbox.ts';
import { both, fullMask, hasWork, without } from './mask.ts';

/** Where an entry that comes to its end lies. */
interface Source {
  messages: number;
  readonly dead: DeadLetters;
  end(member: string, entry: Entry): void;
}

interface Ending {
  readonly mailbox: Source;
  readonly member: string;
}

interface Burying extends Ending {
  /** Backend time, ms. */
  readonly now: number;
}

export interface Settling extends Burying {
  readonly mailbox: Mailbox;
  /** How long others go first with what is handed back, ms. */
  readonly keepOffMs: number;
}

/** Carries one ending out on an entry that `member` holds. False: it had been carried out before. */
export function carryOut(settling: Settling, entry: Entry, settlement: Settlement): boolean {
  const { mailbox, member } = settling;
  switch (settlement.kind) {
    case 'done':
      mailbox.end(member, entry);
      return true;
    case 'progress':
      keepOrEnd(settling, entry, settlement.todo);
      return true;
    case 'mark':
      entry.mark = settlement.index;
      keepOrEnd(settling, entry, settlement.todo);
      return true;
    case 'park':
      if (keepOrEnd(settling, entry, settlement.todo)) mailbox.handBack(member, entry, settling.keepOffMs);
      return true;
    case 'retry':
      return moveLater(settling, entry, settlement);
    case 'bury':
      return bury(settling, entry, settlement);
  }
}

function moveLater({ mailbox, member }: Settling, entry: Entry, move: Extract<Settlement, { kind: 'retry' }>): boolean {
  const moved = both(todoOf(entry), move.moved);
  if (!hasWork(moved)) return false;
  const { frame, count, target } = entry;
  const { deliveries, history } = move;
  mailbox.put({ frame, count, todo: moved, deliveries, history, target }, move.at);
  keepOrEnd({ mailbox, member }, entry, restOf(move, moved));
  return true;
}

/** False: it had been buried before. */
export function bury(
  { mailbox, member, now }: Burying,
  entry: Entry,
  move: Extract<Settlement, { kind: 'bury' }>,
): boolean {
  const moved = both(todoOf(entry), move.moved);
  if (!hasWork(moved)) return false;
  const { frame, count } = entry;
  const { reason, deliveries, history } = move;
  mailbox.dead.add({ frame, count, todo: moved, reason, deliveries, history, at: now });
  keepOrEnd({ mailbox, member }, entry, restOf(move, moved));
  return true;
}

function restOf({ todo }: { readonly todo?: string }, moved: string): string {
  return todo === undefined ? fullMask(0) : without(todo, moved);
}

/** Leaves `todo` of the entry to do, as far as it still was; ends the entry and answers false when nothing is left. */
export function keepOrEnd({ mailbox, member }: Ending, entry: Entry, todo: string): boolean {
  const before = workOf(entry);
  const kept = both(todo, todoOf(entry));
  if (!hasWork(kept)) {
    mailbox.end(member, entry);
    return false;
  }
  keepTodo(entry, kept);
  mailbox.messages -= before - workOf(entry);
  return true;
}

function todoOf(entry: Entry): string {
  return entry.todo ?? fullMask(entry.count);
}
