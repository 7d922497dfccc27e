/**
 * Every key, here and nowhere else. `ns` is the namespace, `L` the lane of the mailbox; the braces keep all keys of a
 * lane in one slot, so that a script may touch any of them.
 *
 * | key | type | holds |
 * | --- | --- | --- |
 * | `{ns:L}:members` | hash | node id → beat counter; who is not in it may write nothing |
 * | `{ns:L}:revision` | counter | changes of the member list |
 * | `{ns:L}:node:<id>` | string, expires | the node's report, JSON (lane 0 only) |
 * | `{ns:L}:sent:<id>` | hash, expires | mailbox → "number entryId" of the node's last accepted append |
 * | `{ns:L}:serves:<id>` | set | mailboxes the node reads |
 * | `{ns:L}:inbox:<id>` | stream | replies to the node, trimmed by the node alone |
 * | `{ns:L}:mailbox:<name>` | stream | frames, with one group `g`, a consumer per node id and `parked` for what was handed back; fields f frame, n count, t todo, d deliveries, h history |
 * | `{ns:L}:level:<name>` | hash | messages, bytes, maxLength, maxBytes, hints |
 * | `{ns:L}:progress:<name>` | hash | entry id → `crashes|mask|mark|charges`; `dead:<id>` → mask of a dead letter |
 * | `{ns:L}:dead:<name>` | stream | dead letters; the fields above and r reason |
 * | `{ns:L}:due` | sorted set | number → due time, ms |
 * | `{ns:L}:due:frames` | hash | number → msgpack of [mailbox, f, n, t, d, h] |
 * | `{ns:L}:due:seq` | counter | numbers given out |
 * | `{ns:L}:orphans` | set | mailboxes that may hold entries of non-members |
 * | `{ns}:layout` | hash | lanes, version; written at first use |
 */
export const GROUP = 'g';
export const LAYOUT_VERSION = 1;

export interface LaneKeys {
  readonly prefix: string;
  readonly members: string;
  readonly revision: string;
  readonly orphans: string;
  readonly due: string;
  readonly dueFrames: string;
  readonly dueSeq: string;
}

export function layoutKey(namespace: string): string {
  return `{${namespace}}:layout`;
}

export function laneKeys(namespace: string, lane: number): LaneKeys {
  const prefix = `{${namespace}:${lane}}:`;
  return {
    prefix,
    members: `${prefix}members`,
    revision: `${prefix}revision`,
    orphans: `${prefix}orphans`,
    due: `${prefix}due`,
    dueFrames: `${prefix}due:frames`,
    dueSeq: `${prefix}due:seq`,
  };
}

export interface MailboxKeys {
  readonly stream: string;
  readonly level: string;
  readonly progress: string;
  readonly dead: string;
}

export function mailboxKeys(lane: LaneKeys, mailbox: string): MailboxKeys {
  return {
    stream: `${lane.prefix}mailbox:${mailbox}`,
    level: `${lane.prefix}level:${mailbox}`,
    progress: `${lane.prefix}progress:${mailbox}`,
    dead: `${lane.prefix}dead:${mailbox}`,
  };
}

export interface NodeKeys {
  readonly node: string;
  readonly sent: string;
  readonly serves: string;
  readonly inbox: string;
}

export function nodeKeys(lane: LaneKeys, id: string): NodeKeys {
  return {
    node: `${lane.prefix}node:${id}`,
    sent: `${lane.prefix}sent:${id}`,
    serves: `${lane.prefix}serves:${id}`,
    inbox: `${lane.prefix}inbox:${id}`,
  };
}

/** The lane of a mailbox: all majors of one actor share it. */
export function laneOfMailbox(mailbox: string, lanes: number): number {
  const at = mailbox.indexOf('@');
  return lanes === 1 ? 0 : fnv1a(at < 0 ? mailbox : mailbox.slice(0, at)) % lanes;
}

export function laneOfNode(id: string, lanes: number): number {
  return lanes === 1 ? 0 : fnv1a(id) % lanes;
}

/** FNV-1a, 32 bits: stable over versions and languages, which a layout needs. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash;
}
