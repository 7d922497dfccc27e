import type { Connection } from './connection.ts';
import { CONTROL_LANE, nodeKeys, type LaneKeys } from './keys.ts';
import { run } from './script.ts';

/** How a node went, as everybody is told. */
export type Departure = 'left' | 'expired';

/** Takes a node off every lane; the lane that keeps reports tells everybody. */
export async function leaveLanes(
  connection: Connection,
  lanes: readonly LaneKeys[],
  id: string,
  departure: Departure,
): Promise<void> {
  await Promise.all(
    lanes.map((keys, lane) => {
      const own = nodeKeys(keys, id);
      return run<number>(
        connection,
        'leave',
        [
          ...[keys.members, keys.revision, keys.orphans, own.node, own.sent, own.serves, own.inbox],
          ...[own.report, keys.news, keys.newsSeq],
        ],
        [id, keys.prefix, lane === CONTROL_LANE ? departure : ''],
      );
    }),
  );
}
