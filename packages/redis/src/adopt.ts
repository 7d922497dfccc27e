/** Takes over, oldest first, what non-members hold of one mailbox, as far as it has room. */
import { parseEntries, type RawEntry } from './claims.ts';
import type { Ground } from './ground.ts';
import type { LaneClaims } from './lane-claims.ts';
import type { Mailbox } from './mailbox.ts';
import { run } from './script.ts';

/** Frames taken over by one script. */
const MOST_ADOPTED = 32;

type Adopted = readonly [
  left: Buffer,
  taken: readonly (readonly [id: Buffer, fields: readonly Buffer[], record: Buffer])[],
];

interface AdoptedEntries {
  /** Something is left for others. */
  readonly more: boolean;
  readonly entries: readonly RawEntry[];
  readonly records: ReadonlyMap<string, string>;
}

/** Runs the script once. Nothing for who is no member. */
export async function adoptOnce(
  { command, registration }: Ground,
  keys: readonly string[],
  args: readonly [owner: string, mailbox: string, limit: number],
): Promise<AdoptedEntries> {
  const answer = await run<Buffer | Adopted>(command, 'adopt', keys, args, true);
  if (Buffer.isBuffer(answer)) {
    registration.lose(args[0], 'no member when taking over');
    return { more: false, entries: [], records: new Map() };
  }
  const [left, taken] = answer;
  return {
    more: left.toString('latin1') !== '0',
    entries: taken.map(([id, fields]): RawEntry => [id, fields]),
    records: new Map(taken.map(([id, , record]) => [id.toString('latin1'), record.toString('latin1')])),
  };
}

export async function adopt(lane: LaneClaims, box: Mailbox): Promise<void> {
  if (box.busy !== undefined || box.closed) return;
  const { registration } = lane.ground;
  const owner = registration.id;
  if (owner === undefined || box.room() === 0) return;
  box.begin('adopt');
  try {
    for (;;) {
      const room = box.room();
      if (room === 0 || registration.id !== owner || box.needsSweep) return;
      const limit = Math.min(MOST_ADOPTED, box.share(room));
      const { more, entries, records } = await adoptOnce(
        lane.ground,
        [lane.keys.members, box.keys.stream, box.keys.progress, lane.keys.orphans],
        [owner, box.name, limit],
      );
      if (registration.id !== owner) return;
      lane.accept(box, parseEntries(box.name, entries, records), owner, 'adopted');
      // Left but not to be had now: the next beat says so again.
      if (!more || entries.length === 0) {
        box.orphaned = false;
        break;
      }
    }
  } catch (error) {
    // What is left is still marked, and the next beat says so again; the mark may be gone as well, with what was taken over.
    box.orphaned = false;
    lane.claimFailed(box, error);
    return;
  } finally {
    box.end();
  }
  lane.wake(box);
}
