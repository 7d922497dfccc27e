import { createNode } from 'homeostat';
import { connection } from './connection.ts';
import { usersActor } from './users.actor.ts';

// The node drains on SIGTERM by itself: it stops claiming, finishes what runs, leaves.
const node = await createNode({ ...connection, name: 'users' });
await node.serve(usersActor);

process.once('disconnect', () => void node.close()); // it does not outlive the process that started it
process.send?.('ready');
