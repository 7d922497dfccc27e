import { actor } from 'homeostat';
import { users } from './users.contract.ts';

const known = [{ id: 1, name: 'Ada Lovelace', email: 'ada@example.com' }];

export const usersActor = actor(users, {
  getUser: ({ id }, ctx) => {
    const user = known.find((user) => user.id === id);
    if (user === undefined) throw ctx.fail('NO_SUCH_USER', { id });
    return user;
  },
  createUser: ({ name, email }, ctx) => {
    // A refusal that the contract declares: the caller gets code and details, and nothing is tried again.
    if (known.some((user) => user.email === email)) throw ctx.fail('EMAIL_TAKEN', { email });
    const user = { id: known.length + 1, name, email };
    known.push(user);
    return user;
  },
  whoAnswers: () => ({ pid: process.pid }),
});
