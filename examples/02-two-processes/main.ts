import { createNode } from 'homeostat';
import { endService, forkService } from '../shared/fork-service.ts';
import { connection } from './connection.ts';
import { users } from './users.contract.ts';

const service = await forkService(new URL('./service.js', import.meta.url));
const node = await createNode({ ...connection, name: 'caller' });
const api = node.client(users, { timeoutMs: 5_000 });

// A call: the answer has the type that the contract gives it.
const ada = await api.getUser({ id: 1 });
console.log(`user 1 is ${ada.name}`);

const { pid } = await api.whoAnswers();
console.log(`answered by another process: ${pid === service.pid ? 'yes' : 'no'}`);

const grace = await api.createUser({ name: 'Grace Hopper', email: 'grace@example.com' });
console.log(`user ${grace.id} is ${grace.name}`);

// A typed error: the code tells which one it is, and with it the type of its details.
const taken = await api.createUser.try({ name: 'Ada King', email: 'ada@example.com' });
if (!taken.ok && taken.error.code === 'EMAIL_TAKEN') {
  console.log(`refused: ${taken.error.code}, ${taken.error.details.email}`);
}

// Input that does not fit never leaves this process.
const wrong = await api.createUser.try({ name: 'Nobody', email: 'nowhere' });
if (!wrong.ok) console.log(`refused: ${wrong.error.code}, ${wrong.error.outcome}`);

await node.close();
await endService(service);
