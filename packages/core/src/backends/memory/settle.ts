import type { Settlement } from '../../ports/broker.ts';
import { keepTodo, workOf, type Entry } from './entry.ts';
import type { Mailbox } from './mailbox.ts';
import { both, fullMask, hasWork, without } from './mask.ts';

export interface Settling {
  readonly mailbox: Mailbox;
  readonly member: string;
  /** Backend time, ms. */
  readonly now: number;
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
    case 'bury':
      return moveOut(settling, entry, settlement);
  }
}

type Move = Extract<Settlement, { kind: 'retry' | 'bury' }>;

function moveOut(settling: Settling, entry: Entry, move: Move): boolean {
  const { mailbox } = settling;
  const before = todoOf(entry);
  const moved = both(before, move.moved);
  if (!hasWork(moved)) return false;
  const { frame, count, target } = entry;
  if (move.kind === 'retry') {
    const { deliveries, history } = move;
    mailbox.put({ frame, count, todo: moved, deliveries, history, target }, move.at);
  } else {
    const { reason, deliveries, history } = move;
    mailbox.dead.add({ frame, count, todo: moved, reason, deliveries, history, at: settling.now });
  }
  keepOrEnd(settling, entry, move.todo === undefined ? fullMask(0) : without(move.todo, moved));
  return true;
}

/** Leaves `todo` of the entry to do, as far as it still was; ends the entry and answers false when nothing is left. */
function keepOrEnd(settling: Settling, entry: Entry, todo: string): boolean {
  const { mailbox, member } = settling;
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
