/**
 * Every key, here and nowhere else. `ns` is the namespace, `L` the lane of the mailbox; the braces keep all keys of a
 * lane in one slot, so that a script may touch any of them.
 *
 * | key | type | holds |
 * | --- | --- | --- |
 * | `{ns:L}:members` | hash | node id → beat counter; who is not in it may write nothing |
 * | `{ns:L}:revision` | counter | changes of the member list |
 * | `{ns:0}:report:<id>` | string, expires | what the node is, JSON |
 * | `{ns:0}:node:<id>` | string, expires | how the node feels, JSON |
 * | `{ns:0}:instances:<service>` | hash | node id → its report with nothing but that service in it |
 * | `{ns:0}:news` | stream | what every node is told; fields k kind, i id, q number, b body |
 * | `{ns:0}:news:seq` | counter | numbers given out |
 * | `{ns:0}:records:<family>` | hash | name → shared record, JSON |
 * | `{ns:0}:records:<family>:history` | stream | what was changed; field r record |
 * | `{ns:0}:records:<family>:floor` | counter | the highest revision of records that were forgotten |
 * | `{ns:L}:sent:<id>` | hash, expires | mailbox → "number entryId" of the node's last accepted append |
 * | `{ns:L}:produced:<producer>` | hash, expires | the same of a producer that is no node |
 * | `{ns:L}:serves:<id>` | set | mailboxes the node reads |
 * | `{ns:L}:inbox:<id>` | stream | replies to the node, trimmed by the node alone |
 * | `{ns:L}:mailbox:<name>` | stream | frames, with one group `g`, a consumer per node id and `parked` for what was handed back; fields f frame, n count, t todo, d deliveries, h history |
 * | `{ns:L}:mailbox:<name>!<line>` | stream | another line of the same actor: a mailbox like any other |
 * | `{ns:L}:mailbox:<name>><id>` | stream | what is for node `id` alone; with a progress record of its own, and the level and dead letters of `<name>` |
 * | `{ns:L}:level:<name>` | hash | messages, bytes, maxLength, maxBytes, hints; line, turn; of one that is split: partitions (splitter: who is at it); of a partition: outgoing, the last number |
 * | `{ns:L}:line:<name>` | list | nodes that stand in line for room in the mailbox |
 * | `{ns:L}:progress:<name>` | hash | entry id → `crashes|mask|mark|charges`; `dead:<id>` → mask of a dead letter |
 * | `{ns:L}:dead:<name>` | stream | dead letters; the fields above and r reason |
 * | `{ns:L}:mailbox:<name>#<partition>` | stream | a partition's log: as a mailbox without a group, read by its owner alone; level, progress and dead letters are under the same name |
 * | `{ns:L}:owners:<name>` | hash | partition → node id, or `id last`: taken over from a dead node when `last` was the end of its log; ` last`: released since, and something of that is left |
 * | `{ns:L}:kept:<name>#<partition>` | hash | entry id → envelopes that have been applied; `id:index` → their answers; `id:h` → history |
 * | `{ns:L}:keyed:<name>#<partition>` | hash | key → state |
 * | `{ns:L}:outgoing:<name>#<partition>` | stream | casts that were committed and not relayed, by number; fields m mailbox, f frame, n count |
 * | `{ns:L}:moved:<name>` | hash, expires | `id#partition` of what was moved out of the shared mailbox and may still be in it |
 * | `{ns:L}:due` | sorted set | number → due time, ms |
 * | `{ns:L}:due:frames` | hash | number → msgpack of [mailbox, f, n, t, d, h] |
 * | `{ns:L}:due:seq` | counter | numbers given out |
 * | `{ns:L}:due:gone:<mailbox>` | string, expires | of a group of a topic that was dropped: the last number given out then |
 * | `{ns:L}:orphans` | set | mailboxes that may hold entries of non-members, and what is for one node alone and not served by it |
 * | `{ns:0}:breaker:<name>` | hash, expires | a shared breaker |
 * | `{ns:0}:breakers` | sorted set | names of breakers |
 * | `{ns:L}:cached:<service>:<key>` | string, expires | a kept answer |
 * | `{ns:L}:filling:<service>:<key>` | string, expires | token of who fetches it, or `!`: overtaken by an invalidation |
 * | `{ns:L}:cacherounds:<service>` | counter, expires | invalidations by prefix |
 * | `{ns:L}:cachenames:<service>` | sorted set, expires | names of kept answers |
 * | `{ns:L}:cacheends:<service>` | sorted set, expires | name → when the answer ends, ms |
 * | `{ns:L}:retries:<service>` | hash, expires | the retry budget |
 * | `{ns:L}:rate:<service>:<limit>` | string, expires | a token bucket |
 * | `{ns:L}:places:<service>:<limit>` | hash, expires | node id → `<places it has> <how many it could use>` |
 * | `{ns:L}:state:<space>:<key>` | string, expires | `<revision>:<what it was set with, ms>:<body>` |
 * | `{ns:L}:staterevision:<space>` | counter, expires | the last revision of the space |
 * | `{ns:L}:once:<mailbox>:<name>` | string, expires | the run of an id, or what it answered: `<state> <kind> <node> <message>`, a line feed, the answer |
 * | `{ns:L}:oncewaiters:<mailbox>:<name>` | sorted set, expires | who waits for that, `<inbox> <correlation>` → when it came in the row |
 * | `{ns:L}:topics` | sorted set | names of topics |
 * | `{ns:L}:topic:<topic>` | hash | total, at, logged, bounds, dropped; `x:<group>` → `messages bytes dead ms`; `g:<group>` → `cursor|floor|pattern|at` |
 * | `{ns:L}:topiclog:<topic>` | stream | what is kept for replay; ids `ms-total`, fields f frame, n count |
 * | `{ns:L}:topicpatterns` | hash | `pattern group` → 1; the same in every lane |
 * | `{ns:L}:topicgone:<group>` | string, expires | when `topic@group` or `pattern group` was dropped by hand, ms |
 * | `{ns:0}:alerts` | hash | fingerprint → `<revision>:[<alert id>,<alert>]`, JSON behind the colon |
 * | `{ns:0}:alerts:due` | sorted set | fingerprint → when somebody has to look at it, ms |
 * | `{ns:0}:alerts:archive` | sorted set, expires | `<number in the log>:<alert>`, JSON behind the colon → when it ended, ms |
 * | `{ns:0}:alerts:log` | stream | what happened to alerts; fields as of the news |
 * | `{ns:0}:alerts:seq` | counter | numbers given out |
 * | `{ns:0}:alertclaims:<alert id>` | hash, expires | group → `done|notice|node` |
 * | `{ns:0}:alertpermit:<name>` | sorted set, expires | what passed in a window → when, ms |
 * | `{ns:0}:alertburst:<name>` | sorted set, expires | what of that was new → when, ms |
 * | `{ns:0}:alertrate:<name>` | hash, expires | step of a window → how many |
 * | `{ns}:layout` | hash | lanes, version; written at first use |
 */
import { fnv1a, isPartition, mailboxOfPartition } from './core.ts';

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
  readonly news: string;
  readonly newsSeq: string;
}

/** Reports, news, records and breakers are kept here: whatever changes them touches one slot. */
export const CONTROL_LANE = 0;

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
    news: `${prefix}news`,
    newsSeq: `${prefix}news:seq`,
  };
}

export interface MailboxKeys {
  readonly stream: string;
  readonly level: string;
  readonly progress: string;
  readonly dead: string;
}

/** What is for one member alone has a stream and progress of its own; its level and dead letters are those of the mailbox. */
export function mailboxKeys(lane: LaneKeys, mailbox: string): MailboxKeys {
  const { shared } = addressOf(mailbox);
  return {
    stream: `${lane.prefix}mailbox:${mailbox}`,
    level: `${lane.prefix}level:${shared}`,
    progress: `${lane.prefix}progress:${mailbox}`,
    dead: `${lane.prefix}dead:${shared}`,
  };
}

export interface PartitionKeys extends MailboxKeys {
  readonly owners: string;
  readonly kept: string;
  readonly states: string;
  readonly outgoing: string;
}

/** Of one partition, by its name. */
export function partitionKeys(lane: LaneKeys, name: string): PartitionKeys {
  return {
    ...mailboxKeys(lane, name),
    owners: ownersKey(lane, mailboxOfPartition(name)),
    kept: `${lane.prefix}kept:${name}`,
    states: `${lane.prefix}keyed:${name}`,
    outgoing: `${lane.prefix}outgoing:${name}`,
  };
}

/** Who owns the partitions of a mailbox that are in this lane. */
export function ownersKey(lane: LaneKeys, mailbox: string): string {
  return `${lane.prefix}owners:${mailbox}`;
}

export function movedKey(lane: LaneKeys, mailbox: string): string {
  return `${lane.prefix}moved:${mailbox}`;
}

/** The name of what is in a mailbox for one member alone; neither mailboxes nor members have a `>` in theirs. */
export function targetedName(mailbox: string, member: string): string {
  return `${mailbox}>${member}`;
}

/** The mailbox of a name, and the member it is for (absent: for anybody). */
export function addressOf(name: string): { readonly shared: string; readonly target?: string } {
  const at = name.indexOf('>');
  return at < 0 ? { shared: name } : { shared: name.slice(0, at), target: name.slice(at + 1) };
}

export interface NodeKeys {
  readonly node: string;
  readonly sent: string;
  readonly serves: string;
  readonly inbox: string;
  readonly report: string;
}

export function nodeKeys(lane: LaneKeys, id: string): NodeKeys {
  return {
    node: `${lane.prefix}node:${id}`,
    sent: `${lane.prefix}sent:${id}`,
    serves: `${lane.prefix}serves:${id}`,
    inbox: `${lane.prefix}inbox:${id}`,
    report: `${lane.prefix}report:${id}`,
  };
}

/** What a producer that is no node has had accepted in a lane. */
export function producedKey(lane: LaneKeys, producer: string): string {
  return `${lane.prefix}produced:${producer}`;
}

export function instancesKey(lane: LaneKeys, service: string): string {
  return `${lane.prefix}instances:${service}`;
}

export interface RecordKeys {
  readonly records: string;
  readonly history: string;
  readonly floor: string;
}

export function recordKeys(lane: LaneKeys, family: string): RecordKeys {
  const records = `${lane.prefix}records:${family}`;
  return { records, history: `${records}:history`, floor: `${records}:floor` };
}

/** The service that a mailbox belongs to: its name without the version. */
export function serviceOf(mailbox: string): string {
  const at = mailbox.indexOf('@');
  return at < 0 ? mailbox : mailbox.slice(0, at);
}

/** The lane of a mailbox: all majors of one actor share it; partitions are spread. */
export function laneOfMailbox(mailbox: string, lanes: number): number {
  if (lanes === 1) return 0;
  return fnv1a(isPartition(mailbox) ? mailbox : serviceOf(mailbox)) % lanes;
}

export function laneOfNode(id: string, lanes: number): number {
  return lanes === 1 ? 0 : fnv1a(id) % lanes;
}

export interface BreakerKeys {
  readonly breaker: string;
  /** Names of all of them. */
  readonly breakers: string;
}

/** Of the control lane, beside the news of them. */
export function breakerKeys(lane: LaneKeys, name: string): BreakerKeys {
  return { breaker: `${lane.prefix}breaker:${name}`, breakers: `${lane.prefix}breakers` };
}

export interface CacheKeys {
  /** Beginning of the keys of its answers. */
  readonly answers: string;
  /** Beginning of the keys of its leases. */
  readonly filling: string;
  readonly rounds: string;
  readonly names: string;
  readonly ends: string;
}

export function cacheKeys(lane: LaneKeys, service: string): CacheKeys {
  return {
    answers: `${lane.prefix}cached:${service}:`,
    filling: `${lane.prefix}filling:${service}:`,
    rounds: `${lane.prefix}cacherounds:${service}`,
    names: `${lane.prefix}cachenames:${service}`,
    ends: `${lane.prefix}cacheends:${service}`,
  };
}

export function retriesKey(lane: LaneKeys, service: string): string {
  return `${lane.prefix}retries:${service}`;
}

/** A token bucket; the name of a service has no colon: no two limits share a key. */
export function rateKey(lane: LaneKeys, service: string, name: string): string {
  return `${lane.prefix}rate:${service}:${name}`;
}

/** Who has how many places of one limit. */
export function placesKey(lane: LaneKeys, service: string, name: string): string {
  return `${lane.prefix}places:${service}:${name}`;
}

export interface StateKeys {
  /** Beginning of the keys of its entries. */
  readonly entries: string;
  readonly revision: string;
}

/** The name of a space has no colon: no two entries share a key. */
export function stateKeys(lane: LaneKeys, space: string): StateKeys {
  return { entries: `${lane.prefix}state:${space}:`, revision: `${lane.prefix}staterevision:${space}` };
}

export interface OnceKeys {
  readonly record: string;
  readonly waiters: string;
}

/** A name has no colon, and a mailbox neither. */
export function onceKeys(lane: LaneKeys, mailbox: string, name: string): OnceKeys {
  const id = `${mailbox}:${name}`;
  return { record: `${lane.prefix}once:${id}`, waiters: `${lane.prefix}oncewaiters:${id}` };
}

/** Of the control lane. */
export interface AlertKeys {
  /** By fingerprint. */
  readonly slots: string;
  readonly due: string;
  readonly archive: string;
  readonly log: string;
  readonly seq: string;
  /** Beginning of the keys of claims. */
  readonly claims: string;
}

export function alertKeys(lane: LaneKeys): AlertKeys {
  const slots = `${lane.prefix}alerts`;
  return {
    slots,
    due: `${slots}:due`,
    archive: `${slots}:archive`,
    log: `${slots}:log`,
    seq: `${slots}:seq`,
    claims: `${lane.prefix}alertclaims:`,
  };
}

export function alertClaimsKey(lane: LaneKeys, alertId: string): string {
  return `${alertKeys(lane).claims}${alertId}`;
}

export function alertWindowKeys(lane: LaneKeys, name: string): { readonly permits: string; readonly bursts: string } {
  return { permits: `${lane.prefix}alertpermit:${name}`, bursts: `${lane.prefix}alertburst:${name}` };
}

export function alertRateKey(lane: LaneKeys, name: string): string {
  return `${lane.prefix}alertrate:${name}`;
}

export interface TopicKeys {
  readonly topic: string;
  readonly log: string;
  readonly topics: string;
  readonly patterns: string;
}

/** @param name `topic@group`, or `pattern group`. */
export function topicGoneKey(lane: LaneKeys, name: string): string {
  return `${lane.prefix}topicgone:${name}`;
}

/** Of the lane of the topic, where the mailboxes of its groups are, too. */
export function topicKeys(lane: LaneKeys, topic: string): TopicKeys {
  const { prefix } = lane;
  return {
    topic: `${prefix}topic:${topic}`,
    log: `${prefix}topiclog:${topic}`,
    topics: `${prefix}topics`,
    patterns: `${prefix}topicpatterns`,
  };
}
