import { partsOf } from '../../keyed/parts-of.ts';
import { partitionName } from '../../ports/partitions.ts';
import type { Mailbox } from './mailbox.ts';
import { both, fullMask, hasWork } from './mask.ts';
import type { World } from './world.ts';

/** Moves what is in nobody's hands in a split mailbox into its partitions, in order. */
export function partOut(world: World, mailbox: Mailbox): void {
  for (const { frame, count, todo = fullMask(count), deliveries, history, charges } of mailbox.takeUnclaimed()) {
    for (const [partition, mask] of partsOf(frame, count, mailbox.partitions)) {
      const part = both(todo, mask);
      if (!hasWork(part)) continue;
      world.partition(partitionName(mailbox.name, partition)).log.put({
        ...{ frame, count, todo: part, deliveries },
        ...(history === undefined ? undefined : { history }),
        ...(charges === undefined ? undefined : { charges }),
      });
    }
  }
}
