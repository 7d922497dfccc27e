import type { Connection } from './connection.ts';
import { nodeKeys, type LaneKeys } from './keys.ts';
import { run } from './script.ts';

/** Takes a node off every lane. */
export async function leaveLanes(connection: Connection, lanes: readonly LaneKeys[], id: string): Promise<void> {
  await Promise.all(
    lanes.map((keys) => {
      const own = nodeKeys(keys, id);
      return run<number>(
        connection,
        'leave',
        [keys.members, keys.revision, keys.orphans, own.node, own.sent, own.serves, own.inbox],
        [id, keys.prefix],
      );
    }),
  );
}
