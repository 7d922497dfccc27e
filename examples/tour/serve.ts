import { createNode, type ActorNode } from 'homeostat';
import { connection } from './settings.ts';
import { usersActor } from './users.actor.ts';

/** A node that serves both actors: records on its own thread, files on one worker thread. */
export async function startServing(name: string): Promise<ActorNode> {
  const node = await createNode({ ...connection, name });
  await node.serve(usersActor);
  await node.serve(new URL('./files.actor.js', import.meta.url), { pool: 'threads', threads: 1 });
  return node;
}
