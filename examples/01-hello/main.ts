import { actor, contract, createNode } from 'homeostat';
import { z } from 'zod';

// What the actor accepts and answers. Any process may import it, without the handlers.
const greeter = contract('greeter', {
  methods: {
    greet: { input: z.object({ name: z.string() }), output: z.string() },
  },
});

const node = await createNode(); // no Redis named: everything stays in this process
await node.serve(actor(greeter, { greet: ({ name }) => `Hello, ${name}!` }));

const api = node.client(greeter);
console.log(await api.greet({ name: 'Ada' }));

await node.close();
