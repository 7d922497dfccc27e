/**
 * Finds entries that are pending for this node and that it does not know of: their answer was lost with a connection.
 * Nothing else claims for a mailbox while it is swept, so what is in hand at its beginning tells them apart.
 */
import { parseEntries, type RawEntry } from './claims.ts';
import type { Connection } from './connection.ts';
import { GROUP } from './keys.ts';
import type { LaneClaims } from './lane-claims.ts';
import type { Mailbox } from './mailbox.ts';
import type { StreamsReply } from './reader.ts';

const PAGE = 32;
/** Streams asked in one command. */
const MOST_STREAMS = 128;

export async function sweep(
  connection: Connection,
  lane: LaneClaims,
  owner: string,
  boxes: readonly Mailbox[],
): Promise<void> {
  for (let from = 0; from < boxes.length; from += MOST_STREAMS) {
    const part = boxes.slice(from, from + MOST_STREAMS);
    await Promise.all(part.map((box) => box.idle()));
    for (const box of part) box.begin('sweep');
    try {
      await sweepPart(connection, lane, owner, part);
    } finally {
      for (const box of part) box.end();
    }
  }
}

async function sweepPart(
  connection: Connection,
  lane: LaneClaims,
  owner: string,
  boxes: readonly Mailbox[],
): Promise<void> {
  const known = new Map(boxes.map((box) => [box, new Set(box.held.keys())]));
  let cursors = new Map(boxes.map((box) => [box, '0']));
  while (cursors.size > 0) {
    const asked = [...cursors.keys()];
    const reply = await connection.send<StreamsReply>('xreadgroup', [
      'GROUP',
      GROUP,
      owner,
      'COUNT',
      PAGE,
      'STREAMS',
      ...asked.map((box) => box.keys.stream),
      ...cursors.values(),
    ]);
    const next = new Map<Mailbox, string>();
    for (const [key, entries] of reply ?? []) {
      const name = key.toString();
      const box = asked.find((candidate) => candidate.keys.stream === name);
      const last = entries.at(-1);
      if (box === undefined || last === undefined) continue;
      if (entries.length === PAGE) next.set(box, last[0].toString('latin1'));
      await handOver(
        connection,
        lane,
        owner,
        box,
        entries.filter(([id]) => known.get(box)?.has(id.toString('latin1')) !== true),
      );
    }
    cursors = next;
  }
  for (const box of boxes) box.needsSweep = false;
}

async function handOver(
  connection: Connection,
  lane: LaneClaims,
  owner: string,
  box: Mailbox,
  entries: readonly RawEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  const ids = entries.map(([id]) => id.toString('latin1'));
  const records = await connection.sendText<(string | null)[]>('hmget', [box.keys.progress, ...ids]);
  const byId = new Map(ids.map((id, i) => [id, records[i] ?? '']));
  lane.accept(box, parseEntries(box.name, entries, byId), owner);
}
