/** Sees to what is marked in a lane as having nobody who serves it: takes over, opens or returns what this node can. */
import { addressOf, targetedName } from './keys.ts';
import type { LaneClaims } from './lane-claims.ts';
import type { Mailbox } from './mailbox.ts';
import { openOwn, returnTargeted } from './targeted.ts';

/** Marks looked at in one go; when there are more, those of this node are asked for by name as well. */
const MOST_MARKS = 128;

export async function seeToOrphans(lane: LaneClaims): Promise<void> {
  const { registration, command } = lane.ground;
  const owner = registration.id;
  if (owner === undefined || !lane.served) return;
  const toOpen: Mailbox[] = [];
  try {
    const marks = await marked(lane, owner);
    if (registration.id !== owner) return;
    for (const mark of marks) {
      const { shared, target } = addressOf(mark);
      const box = lane.boxes.get(shared);
      const serves = box !== undefined && !box.closed;
      if (target === undefined) {
        if (serves) box.orphaned = true;
      } else if (target === owner && lane.opening.has(shared)) lane.opening.set(shared, true);
      else if (target === owner && serves) toOpen.push(box);
      else if (target === owner || serves) void returnTargeted(lane, mark).catch(() => undefined); // The mark stands.
    }
    await openOwn(lane, toOpen, command);
  } catch {
    return; // The next beat says it again.
  }
  for (const box of lane.boxes.values()) if (box.orphaned || toOpen.includes(box)) lane.wake(box);
}

/** Names among which are those that this node may have to see to. */
async function marked(lane: LaneClaims, owner: string): Promise<Iterable<string>> {
  const { command } = lane.ground;
  const some = await command.sendText<string[]>('srandmember', [lane.keys.orphans, MOST_MARKS]);
  if (some.length < MOST_MARKS || lane.boxes.size === 0) return some;
  const own = [...lane.boxes.keys()].flatMap((name) => [name, targetedName(name, owner)]);
  const found = await command.sendText<number[]>('smismember', [lane.keys.orphans, ...own]);
  return new Set([...some, ...own.filter((_, i) => found[i] === 1)]);
}
