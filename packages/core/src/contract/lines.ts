/**
 * The lines of a mailbox: a contract with priorities, or with fair turns, has several mailboxes instead of one, so that what
 * is urgent, or somebody else's, never stands behind what is not. `orders@1` is the line of everything that says nothing
 * of itself; the others stand beside it, named with a `!`: `orders@1!high`, `orders@1!normal.3`. Callers and nodes find
 * them by the contract alone. Pure.
 */
import { hash32 } from '../balance/hash.ts';
import type { Contract } from './contract.ts';

export type Priority = 'high' | 'normal' | 'low';

/** Whom turns are taken between: messages of one key, or of one value of a header, are one party's. */
export type FairBy = 'key' | { readonly header: string };

/** How urgent a line is; what counts less goes first. `control` is the runtime's own. */
export const RANK = { control: 0, high: 1, normal: 2, low: 3 } as const;
export type Rank = (typeof RANK)[keyof typeof RANK];

export interface Line {
  readonly mailbox: string;
  readonly rank: Rank;
  /** The messages of its rank are spread over several lines. */
  readonly spread: boolean;
}

/** What decides which line a message stands in. */
export interface LineFacts {
  readonly priority?: Priority | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What of a contract says that its mailbox has lines. */
export type Lined = Pick<Contract, 'mailbox' | 'priorities' | 'fair'>;

/** Lines that the parties of one priority are spread over. Callers and nodes of all versions must agree on it. */
export const FAIR_LINES = 16;
/** Between a mailbox and its line; in no name of an actor, version or node. */
const MARK = '!';
const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];

/** Every line of a contract, its own mailbox among them; undefined where that is the only one. */
export function linesOf(contract: Lined): readonly Line[] | undefined {
  const { mailbox, priorities, fair } = contract;
  if (priorities !== true && fair === undefined) return undefined;
  const lines: Line[] = [];
  if (priorities === true) lines.push({ mailbox: controlLine(mailbox), rank: RANK.control, spread: false });
  for (const priority of priorities === true ? PRIORITIES : (['normal'] as const)) {
    const rank = RANK[priority];
    const spread = fair === undefined ? [] : spreadLines(mailbox, priority);
    for (const name of [plainLine(mailbox, priority), ...spread])
      lines.push({ mailbox: name, rank, spread: spread.length > 0 });
  }
  return lines;
}

/** Every mailbox of a contract. */
export function mailboxesOf(contract: Lined): readonly string[] {
  return linesOf(contract)?.map(({ mailbox }) => mailbox) ?? [contract.mailbox];
}

/** Finds the line of a message; undefined where there is but one. */
export function lineFinder(contract: Lined): ((facts: LineFacts) => string) | undefined {
  const { mailbox, priorities, fair } = contract;
  if (priorities !== true && fair === undefined) return undefined;
  const of = (priority: Priority): readonly [plain: string, spread: readonly string[]] => [
    plainLine(mailbox, priority),
    fair === undefined ? [] : spreadLines(mailbox, priority),
  ];
  const lines = { high: of('high'), normal: of('normal'), low: of('low') };
  return ({ priority = 'normal', key, headers }) => {
    const [plain, spread] = lines[priority];
    const party = fair === undefined ? undefined : partyOf(fair, key, headers);
    return party === undefined ? plain : spread[hash32(party) % FAIR_LINES]!;
  };
}

/** Whose message it is; undefined: nobody's in particular. */
export function partyOf(
  fair: FairBy,
  key: string | undefined,
  headers: Readonly<Record<string, string>> | undefined,
): string | undefined {
  if (fair === 'key') return key;
  return headers !== undefined && Object.hasOwn(headers, fair.header) ? headers[fair.header] : undefined;
}

/** Where the runtime's own messages go that must not wait behind work. */
export function controlLine(mailbox: string): string {
  return `${mailbox}${MARK}control`;
}

/** The mailbox that a line belongs to. */
export function mailboxOfLine(line: string): string {
  const at = line.indexOf(MARK);
  return at < 0 ? line : line.slice(0, at);
}

function plainLine(mailbox: string, priority: Priority): string {
  return priority === 'normal' ? mailbox : `${mailbox}${MARK}${priority}`;
}

function spreadLines(mailbox: string, priority: Priority): string[] {
  return Array.from({ length: FAIR_LINES }, (_, index) => `${mailbox}${MARK}${priority}.${index}`);
}
