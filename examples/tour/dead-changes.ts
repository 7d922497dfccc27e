import type { ActorNode } from 'homeostat';
import { users } from './contracts.ts';

/** The numbers of the changes among the dead letters. */
export async function deadChanges(node: ActorNode): Promise<Set<number>> {
  const changes = new Set<number>();
  for await (const { input } of node.deadLetters(users).all()) changes.add((input as { op: number }).op);
  return changes;
}
