/** What the promises about keyed mailboxes are checked with. */
import type { Claim, MailboxLimits } from '../../ports/broker.ts';
import { partitionName, type KeyedCommit, type PartitionReader, type PartitionTaken } from '../../ports/partitions.ts';
import { FrameWriter } from '../../wire/frame.ts';
import { waitFor } from '../wait-for.ts';
import { Basket, bytesOf } from './basket.ts';
import type { Peer } from './peer.ts';
import { DEADLINE_MS, WIDE } from './times.ts';

export const BANK = 'bank@1';
/** Into how many the mailbox of these tests is split. */
export const PARTITIONS = 4;
/** The log that most tests are about. */
export const FIRST: string = partitionName(BANK, 0);

/** What one reader of a partition has been given. */
export class PartitionBasket extends Basket {
  override reader: PartitionReader | undefined = undefined;
}

export function split(peer: Peer, limits: MailboxLimits = WIDE): Promise<number> {
  return peer.link.partitions.split(BANK, PARTITIONS, limits);
}

export function take(peer: Peer, partition = 0): Promise<PartitionTaken> {
  return peer.link.partitions.take(BANK, partition);
}

/** Reads what it owns. */
export async function read(peer: Peer, partition = 0, room = 1_000): Promise<PartitionBasket> {
  const basket = new PartitionBasket(`${peer.name} on ${partitionName(BANK, partition)}`, room);
  basket.reader = await peer.link.partitions.read(BANK, partition, {
    room: () => basket.room,
    take: (claims) => basket.take(claims),
  });
  return basket;
}

/** Splits, takes and reads. */
export async function own(peer: Peer, partition = 0): Promise<PartitionBasket> {
  await split(peer);
  await take(peer, partition);
  return read(peer, partition);
}

/** Takes the partition as soon as whoever has it is a member no more. */
export function inherit(peer: Peer, partition = 0): Promise<Extract<PartitionTaken, { kind: 'owned' }>> {
  return waitFor(
    async () => {
      const taken = await take(peer, partition);
      return taken.kind === 'owned' ? taken : undefined;
    },
    { withinMs: DEADLINE_MS, what: `${peer.name} to own ${partitionName(BANK, partition)}` },
  );
}

/** A commit of the first envelope that changes nothing, but for what is given. */
export function commitOf(claim: Claim, changes: Partial<KeyedCommit> = {}): KeyedCommit {
  return { claim, index: 0, key: 'ann', casts: [], ...changes };
}

export function castOf(text: string, mailbox = 'audit@1'): KeyedCommit['casts'][number] {
  return { mailbox, frame: bytesOf(text), count: 1 };
}

/** A frame with one cast for each key; null: one without a key. */
export function frameOf(...keys: readonly (string | null)[]): Uint8Array {
  const writer = new FrameWriter(100_000);
  writer.open(1);
  for (const key of keys) writer.addCast('deposit', { of: key, on: new Date(1_000) }, 0, key === null ? {} : { key });
  return new Uint8Array(writer.finish('sender', 1, null));
}
