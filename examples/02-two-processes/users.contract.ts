import { contract } from 'homeostat';
import { z } from 'zod';

const User = z.object({ id: z.number(), name: z.string(), email: z.email() });

/** Shared by both sides: the service implements it, the caller gets its types from it. */
export const users = contract('user-service', {
  methods: {
    getUser: {
      input: z.object({ id: z.number() }),
      output: User,
      errors: { NO_SUCH_USER: z.object({ id: z.number() }) },
      kind: 'query',
    },
    createUser: {
      input: User.omit({ id: true }),
      output: User,
      errors: { EMAIL_TAKEN: z.object({ email: z.string() }) },
    },
    whoAnswers: { output: z.object({ pid: z.number() }), kind: 'query' },
  },
});
