/** The layout in Redis, recorded at first use: two nodes with different lanes would not see each other's mailboxes. */
import type { Connection } from './connection.ts';
import { LayoutMismatch } from './core.ts';
import { LAYOUT_VERSION, layoutKey } from './keys.ts';
import { run } from './script.ts';

export async function ensureLayout(connection: Connection, namespace: string, lanes: number): Promise<void> {
  const [storedLanes, storedVersion] = await run<[string, string]>(
    connection,
    'layout',
    [layoutKey(namespace)],
    [lanes, LAYOUT_VERSION],
  );
  if (storedVersion !== String(LAYOUT_VERSION)) {
    throw new LayoutMismatch(
      `namespace "${namespace}" was written with layout version ${storedVersion}, this package writes ${LAYOUT_VERSION}. Use a package of that version, or another namespace.`,
    );
  }
  if (storedLanes !== String(lanes)) {
    throw new LayoutMismatch(
      `namespace "${namespace}" was created with ${storedLanes} lanes, this node is configured with ${lanes}. Set lanes: ${storedLanes}, or choose another namespace; to change the lanes of this one, stop all nodes, let the mailboxes drain, delete the key ${layoutKey(namespace)} and start with the new number.`,
    );
  }
}
