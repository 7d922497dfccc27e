import { addDepths, partitionName, type MailboxDepth } from './core.ts';
import type { Ground } from './ground.ts';
import { laneOfMailbox, partitionKeys } from './keys.ts';
import { run } from './script.ts';

/** Partitions looked at by one script. */
const AT_ONCE = 256;

/** How much waits in all partitions of a mailbox. What their owners have in hand is not told apart. */
export async function depthOfPartitions(ground: Ground, mailbox: string, partitions: number): Promise<MailboxDepth> {
  const byLane = ground.lanes.map((): string[] => []);
  for (let partition = 0; partition < partitions; partition += 1) {
    const name = partitionName(mailbox, partition);
    const lane = laneOfMailbox(name, ground.lanes.length);
    const { level, stream, dead } = partitionKeys(ground.lane(lane), name);
    byLane[lane]?.push(level, stream, dead);
  }
  const parts: string[][] = [];
  for (const keys of byLane)
    for (let from = 0; from < keys.length; from += 3 * AT_ONCE) parts.push(keys.slice(from, from + 3 * AT_ONCE));
  const depths = await Promise.all(parts.map((keys) => depthOf(ground, keys)));
  return depths.reduce(addDepths, { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
}

/** When an entry was written (backend time, ms). */
export function momentOf(id: string): number {
  return Number(id.split('-', 1)[0]);
}

async function depthOf(ground: Ground, keys: readonly string[]): Promise<MailboxDepth> {
  const [messages, bytes, waiting, dead, oldest] = await run<
    [messages: number, bytes: number, entries: number, dead: number, oldest: string]
  >(ground.command, 'keyeddepth', keys, []);
  const depth = { messages, bytes, waiting, pending: 0, dead };
  return oldest === '' ? depth : { ...depth, oldestAt: momentOf(oldest) };
}
