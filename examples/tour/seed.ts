/** User records made of a seed: the same number always gives the same user, so that every answer can be checked. */
export interface UserRecord {
  readonly name: string;
  readonly email: string;
  readonly plan: string;
}

const FIRST = ['Ada', 'Alan', 'Barbara', 'Donald', 'Edsger', 'Frances', 'Grace', 'John', 'Margaret', 'Radia'];
const LAST = [
  'Allen',
  'Dijkstra',
  'Hamilton',
  'Hopper',
  'Knuth',
  'Liskov',
  'Lovelace',
  'McCarthy',
  'Perlman',
  'Turing',
];
const PLANS = ['free', 'team', 'enterprise'];

/** One user in this many has no e-mail address, and its creation can never succeed. */
const FAULTY_EVERY = 500;

export const isFaulty = (id: number): boolean => id % FAULTY_EVERY === FAULTY_EVERY / 2;

/** What is sent for a user. */
export function userOf(seed: number, id: number): UserRecord {
  const name = `${pick(FIRST, seed, 3 * id)} ${pick(LAST, seed, 3 * id + 1)}`;
  const email = isFaulty(id) ? '' : `${name.replace(' ', '.')}.${id}@Example.COM`;
  return { name, email, plan: pick(PLANS, seed, 3 * id + 2) };
}

function pick(list: readonly string[], seed: number, index: number): string {
  return list[scatter(seed, index) % list.length]!;
}

/** The mixing step of splitmix32: neighbouring numbers give unrelated ones. */
function scatter(seed: number, index: number): number {
  let mixed = (seed + Math.imul(index, 0x9e3779b9)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
