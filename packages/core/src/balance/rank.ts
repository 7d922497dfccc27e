/** Rendezvous hashing: every node knows, without asking, whose turn it is. Thaler and Ravishankar, 1998. */
import { hash32 } from './hash.ts';

/** How many of the nodes are before this one when it comes to `text`; 0: it is this one's turn. */
export function rankOf(text: string, selfId: string, nodeIds: Iterable<string>): number {
  const own = hash32(`${selfId} ${text}`);
  let before = 0;
  for (const id of nodeIds) {
    if (id === selfId) continue;
    const other = hash32(`${id} ${text}`);
    if (other > own || (other === own && id < selfId)) before += 1;
  }
  return before;
}
