import { partitionOf } from '../../keyed/partition-of.ts';
import { partitionName } from '../../ports/partitions.ts';
import { readFrame, type Frame } from '../../wire/frame.ts';
import type { Entry } from './entry.ts';
import type { Mailbox } from './mailbox.ts';
import { both, fullMask, hasWork } from './mask.ts';
import type { World } from './world.ts';

/** Where what has no key goes, and what is no frame: its owner says what is wrong with it. */
const KEYLESS = 0;

/** Moves what is in nobody's hands in a split mailbox into its partitions, in order. */
export function partOut(world: World, mailbox: Mailbox): void {
  for (const entry of mailbox.takeUnclaimed()) {
    const { frame, count, deliveries, history } = entry;
    const todo = entry.todo ?? fullMask(count);
    for (const [partition, mask] of masksOf(frame, count, mailbox.partitions)) {
      const part = both(todo, mask);
      if (!hasWork(part)) continue;
      const { log } = world.partition(partitionName(mailbox.name, partition));
      log.put({
        frame,
        count,
        todo: part,
        deliveries,
        ...chargesOf(entry),
        ...(history === undefined ? {} : { history }),
      });
    }
  }
}

/** Which envelopes of a frame belong to which partition. */
function masksOf(bytes: Uint8Array, count: number, partitions: number): Map<number, string> {
  const frame = readable(bytes);
  if (frame === undefined || frame.envelopes.length !== count) return new Map([[KEYLESS, fullMask(count)]]);
  const owners = frame.envelopes.map(({ extras }) =>
    extras?.key === undefined ? KEYLESS : partitionOf(extras.key, partitions),
  );
  return new Map(
    owners.map((partition) => [partition, owners.map((other) => (other === partition ? '1' : '0')).join('')]),
  );
}

function readable(bytes: Uint8Array): Frame | undefined {
  try {
    return readFrame(bytes, { maxBodyBytes: Infinity });
  } catch {
    return undefined;
  }
}

function chargesOf({ charges }: Entry): { readonly charges?: ReadonlyMap<number, number> } {
  return charges === undefined ? {} : { charges };
}
