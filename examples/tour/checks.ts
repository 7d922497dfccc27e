import type { Ledger } from './ledger.ts';
import type { Sample } from './repository.ts';
import { counted, number } from './screen.ts';
import { isFaulty, userOf } from './seed.ts';
import type { Service } from './services.ts';
import { SEED } from './settings.ts';
import type { Done } from './workload.ts';

/** What the tour has seen. */
export interface Evidence {
  readonly work: Done;
  readonly books: Ledger;
  readonly samples: readonly Sample[];
  readonly services: readonly Service[];
  /** Changes that are dead letters. */
  readonly dead: ReadonlySet<number>;
  /** Changes that the killed service had begun and not finished; undefined where none was killed. */
  readonly left: readonly number[] | undefined;
}

/** A sum that has to hold. */
export interface Check {
  readonly holds: boolean;
  readonly says: string;
}

/** Every sum, each over distinct ids. */
export function check(evidence: Evidence): Check[] {
  return [
    changes(evidence),
    replies(evidence),
    shares(evidence),
    ...(evidence.left === undefined ? [] : [takenOver(evidence, evidence.left)]),
    answers(evidence),
    records(evidence),
  ];
}

/** Whether every accepted change is handled or dead. */
export function accounted({ accepted }: Done, { finished }: Ledger, dead: ReadonlySet<number>): boolean {
  for (const op of accepted) if (!finished.has(op) && !dead.has(op)) return false;
  return true;
}

function changes({ work, books, dead }: Evidence): Check {
  const { accepted, change } = work;
  const handled = [...accepted].filter((op) => books.finished.has(op)).length;
  const letters = [...accepted].filter((op) => dead.has(op)).length;
  const strangers = [...books.finished.keys(), ...dead].filter((op) => !accepted.has(op)).length;
  const sum = `changes accepted ${number(accepted.size)} = ${number(handled)} handled + ${counted(letters, 'dead letter')}`;
  return {
    holds: accepted.size > 0 && accepted.size === handled + letters && strangers === 0 && change.failed === 0,
    says: `${sum}${strangers > 0 ? `, and ${number(strangers)} handled that were not accepted` : ''}${failures(change)}`,
  };
}

function replies({ work }: Evidence): Check {
  const { examine, get } = work;
  const [sent, answered] = [examine.sent + get.sent, examine.answered + get.answered];
  return {
    holds: sent > 0 && sent === answered,
    says: `calls sent ${number(sent)} = ${number(answered)} replies${failures(examine)}${failures(get)}`,
  };
}

function shares({ work, books, services }: Evidence): Check {
  const done = work.examine.answered + work.get.answered + books.finished.size;
  const parts = services.map((service) => shareOf({ work, books }, service.pid));
  return {
    holds: done === parts.reduce((sum, part) => sum + part, 0),
    says: `replies and handled changes ${number(done)} = ${parts.map(number).join(' + ')}, the shares of the services`,
  };
}

function takenOver({ books }: Evidence, left: readonly number[]): Check {
  const open = left.filter((op) => !books.finished.has(op)).length;
  return {
    holds: open === 0,
    says: `changes that the killed process had begun and not finished ${number(left.length)} = ${number(left.length - open)} finished by others`,
  };
}

function answers({ work, samples }: Evidence): Check {
  const { examine, get, wrong } = work;
  const right = `${number(examine.answered)} file answers equal a plain computation in one process, ${number(get.answered)} users were read as sent`;
  return {
    holds: wrong.length === 0 && examine.answered >= samples.length,
    says: wrong.length === 0 ? right : `${counted(wrong.length, 'wrong answer')}, first: ${wrong[0]}`,
  };
}

function records({ work, books }: Evidence): Check {
  const ids = [...work.accepted].filter((op) => op % 2 === 0).map((op) => op / 2);
  const wrong = ids.filter((id) => !isAsSeeded(books, id));
  return {
    holds: wrong.length === 0,
    says: `${number(ids.length - wrong.length)} of ${number(ids.length)} user records hold what was sent${wrong.length > 0 ? `; user ${wrong[0]} does not` : ''}`,
  };
}

/** A faulty user was never created, but its plan was set: by another message, which nothing held up. */
function isAsSeeded(books: Ledger, id: number): boolean {
  const { name, email, plan } = userOf(SEED, id);
  const record = books.record(id);
  if (record.plan !== plan) return false;
  return isFaulty(id) ? record.name === '' : record.name === name && record.email === email.toLowerCase();
}

/** Replies and handled changes of one process. */
export function shareOf({ work, books }: Pick<Evidence, 'work' | 'books'>, pid: number): number {
  let share = work.answeredBy.get(pid) ?? 0;
  for (const by of books.finished.values()) if (by === pid) share += 1;
  return share;
}

function failures({ failed, firstFailure }: { failed: number; firstFailure: string }): string {
  return failed === 0 ? '' : `; ${number(failed)} failed, the first with: ${firstFailure}`;
}
