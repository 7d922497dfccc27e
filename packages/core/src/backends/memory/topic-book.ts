/** Topics of one world: who is attached to what, and the log of each. */
import type { Clock } from '../../ground/clock.ts';
import type {
  Attached,
  DroppedGroup,
  Filled,
  GroupBounds,
  Lapsed,
  Matching,
  PublishRequest,
  PublishResult,
  Since,
  TopicState,
} from '../../ports/topics.ts';
import { groupMailbox, matchesTopic, serviceOfTopic } from '../../topics/names.ts';
import type { Mailbox } from './mailbox.ts';
import { TopicLog } from './topic-log.ts';
import type { Numbers } from './world.ts';

/** Groups of one topic at most. */
const MOST_GROUPS = 128;
const MOST_PATTERNS = 1_024;
/** Frames of one step. */
const MOST_FILLED = 32;
/** A topic that has neither groups nor a log is forgotten when nobody has published to it for so long, ms. */
const FORGOTTEN_MS = 86_400_000;
/** A group that a pattern has attached is served once the nodes of the pattern have heard of the topic; so long it is not forgotten, ms. */
const TAKEN_UP_MS = 30_000;
/** Who dropped a group has told of it by then, ms. */
const UNTOLD_MS = 10_000;
/** Who serves a group that was dropped has heard of it by then, ms: a day. */
const GONE_MS = 86_400_000;

interface Group {
  /** It has what is in the log up to this total; undefined: it is live. */
  filledTo: number | undefined;
  /** The total at which it was attached or set back. */
  floor: number;
  readonly pattern: string | undefined;
  /** When its pattern attached it, ms; -Infinity: it was attached by name. */
  readonly at: number;
}

class Topic {
  readonly groups = new Map<string, Group>();
  readonly log = new TopicLog();
  total = 0;
  at = 0;
  dropped = 0;
  /** Groups that were forgotten, and of which nobody has told yet; by name. */
  readonly untold = new Map<string, { readonly lost: DroppedGroup; readonly at: number }>();
  retention: GroupBounds | undefined = undefined;
  /** How long the log keeps what is in it, ms. */
  keepMs: number | undefined = undefined;
  /** Somebody has published to it. */
  known = false;
}

export interface TopicBookNeeds {
  readonly clock: Clock;
  mailbox(name: string): Mailbox;
  /** Ends a mailbox with all that is in it. */
  forget(name: string): void;
}

export class TopicBook {
  readonly #needs: TopicBookNeeds;
  readonly #topics = new Map<string, Topic>();
  readonly #patterns = new Map<string, { readonly pattern: string; readonly group: string }>();
  /** What was dropped by hand, and when, ms; the last stands last. */
  readonly #gone = new Map<string, number>();

  constructor(needs: TopicBookNeeds) {
    this.#needs = needs;
  }

  publish(request: PublishRequest, numbers: Numbers): PublishResult {
    const { topic: name, number, count, keep, retention } = request;
    const field = serviceOfTopic(name);
    if (number <= (numbers.get(field)?.number ?? 0)) return { kind: 'accepted', attached: [], hints: [], dropped: [] };
    const topic = this.#topic(name);
    const attached = topic.known ? [] : this.#greet(name, topic);
    const dropped: DroppedGroup[] = [];
    const full = this.#refusal(name, topic, request, dropped);
    if (full !== undefined) return full;
    const now = this.#needs.clock.now();
    // The caller reuses its buffer.
    const frame = new Uint8Array(request.frame);
    const hints: string[] = [];
    let needed = Infinity;
    for (const [group, { filledTo }] of topic.groups) {
      if (filledTo !== undefined) {
        needed = Math.min(needed, filledTo);
        continue;
      }
      const mailbox = this.#mailbox(name, group);
      mailbox.put({ frame, count });
      hints.push(mailbox.hints ?? '');
    }
    topic.total += count;
    Object.assign(topic, { known: true, at: now, retention, keepMs: keep?.ms });
    if (keep !== undefined || needed !== Infinity) topic.log.add({ at: now, total: topic.total, frame, count });
    if (keep !== undefined) topic.log.trim(keep, topic.total, now, needed);
    else if (needed === Infinity) topic.log.clear();
    numbers.set(field, { number, id: String(topic.total) });
    return { kind: 'accepted', attached, hints, dropped };
  }

  attach(name: string, group: string, since: Since | undefined, servedSince: number | undefined): Attached {
    const topic = this.#topic(name);
    const known = topic.groups.get(group);
    if (known !== undefined) return stateOf(known);
    if (this.#isGone(`${name}@${group}`, servedSince)) return 'absent';
    if (topic.groups.size >= MOST_GROUPS) return 'crowded';
    return this.#put(topic, group, since, undefined);
  }

  rewind(name: string, group: string, since: Since): Attached {
    const topic = this.#topics.get(name);
    const known = topic?.groups.get(group);
    return topic === undefined || known === undefined ? 'absent' : this.#put(topic, group, since, known.pattern);
  }

  fill(name: string, group: string): Filled {
    const topic = this.#topics.get(name);
    const state = topic?.groups.get(group);
    if (topic === undefined || state === undefined) return 'absent';
    const mailbox = this.#mailbox(name, group);
    for (let moved = 0; state.filledTo !== undefined; moved += 1) {
      const next = topic.log.after(state.filledTo);
      if (next === undefined) state.filledTo = undefined;
      else if (moved === MOST_FILLED) return 'more';
      else if (!mailbox.hasRoom(next.count, next.frame.length)) return 'full';
      else {
        mailbox.put({ frame: next.frame, count: next.count });
        state.filledTo = next.total;
      }
    }
    return 'done';
  }

  drop(name: string, group: string): DroppedGroup | undefined {
    this.#note(`${name}@${group}`);
    return this.#drop(name, group);
  }

  tidy(name: string, group: string): void {
    if (this.#topics.get(name)?.groups.has(group) !== true) this.#needs.forget(groupMailbox(name, group));
  }

  attachPattern(pattern: string, group: string, servedSince: number | undefined): Matching {
    const name = `${pattern} ${group}`;
    if (this.#isGone(name, servedSince)) return 'absent';
    if (!this.#patterns.has(name) && this.#patterns.size >= MOST_PATTERNS) return 'crowded';
    this.#patterns.set(name, { pattern, group });
    const matching = [...this.#topics].filter(([name]) => matchesTopic(pattern, name));
    for (const [, topic] of matching) {
      if (!topic.groups.has(group) && topic.groups.size < MOST_GROUPS) this.#put(topic, group, undefined, pattern);
    }
    return matching.filter(([, { groups }]) => groups.has(group)).map(([name]) => name);
  }

  dropPattern(pattern: string, group: string): DroppedGroup[] {
    this.#note(`${pattern} ${group}`);
    this.#patterns.delete(`${pattern} ${group}`);
    return [...this.#topics].flatMap(([name, { groups }]) =>
      groups.get(group)?.pattern === pattern ? (this.#drop(name, group) ?? []) : [],
    );
  }

  list(): TopicState[] {
    return [...this.#topics]
      .map(([topic, { total, log, dropped, groups }]) => ({
        ...{ topic, published: total, kept: log.size, dropped },
        groups: [...groups].map(([group, { filledTo, pattern }]) => {
          const { messages, bytes, dead } = this.#mailbox(topic, group);
          const own = { group, filling: filledTo !== undefined, messages, bytes, dead: dead.size };
          return pattern === undefined ? own : { ...own, pattern };
        }),
      }))
      .toSorted((one, other) => (one.topic < other.topic ? -1 : 1));
  }

  lapse(): Lapsed {
    const now = this.#needs.clock.now();
    const dropped: DroppedGroup[] = [];
    const filling: { topic: string; group: string }[] = [];
    for (const [name, topic] of this.#topics) {
      const { retention, keepMs } = topic;
      let needed = Infinity;
      for (const { lost, at } of topic.untold.values()) if (now - at > UNTOLD_MS) dropped.push(lost);
      for (const [group, state] of topic.groups) {
        const { filledTo } = state;
        const mailbox = this.#mailbox(name, group);
        const { messages, bytes, oldestAt = now } = mailbox.depth();
        if (retention !== undefined && this.#isForgotten(mailbox, state, now)) {
          const beyond = messages > retention.messages || bytes > retention.bytes || now - oldestAt > retention.ms;
          if (beyond) {
            dropped.push(...this.#lapsed(name, group, topic));
            continue;
          }
        }
        if (filledTo === undefined) continue;
        needed = Math.min(needed, filledTo);
        filling.push({ topic: name, group });
      }
      if (keepMs !== undefined) topic.log.trim({ ms: keepMs }, topic.total, now, needed);
      if (topic.groups.size === 0 && topic.log.size === 0 && now - topic.at > FORGOTTEN_MS) this.#topics.delete(name);
    }
    return { dropped, filling };
  }

  told(groups: readonly DroppedGroup[]): void {
    for (const { topic, group } of groups) this.#topics.get(topic)?.untold.delete(group);
  }

  /** It is dropped now. */
  #note(name: string): void {
    const now = this.#needs.clock.now();
    for (const [old, at] of this.#gone) {
      if (now - at <= GONE_MS && old !== name) break;
      this.#gone.delete(old);
    }
    this.#gone.set(name, now);
  }

  /** It was dropped after whoever asks began to serve it; who begins now makes it a new one. */
  #isGone(name: string, servedSince: number | undefined): boolean {
    if (servedSince === undefined) this.#gone.delete(name);
    return (this.#gone.get(name) ?? -Infinity) >= (servedSince ?? Infinity);
  }

  /** The first group that has no room; those that nobody serves and that are beyond the retention are dropped on the way. */
  #refusal(
    name: string,
    topic: Topic,
    { frame, count, retention }: PublishRequest,
    dropped: DroppedGroup[],
  ): PublishResult | undefined {
    let full: PublishResult | undefined;
    const now = this.#needs.clock.now();
    for (const [group, state] of topic.groups) {
      const { filledTo, floor } = state;
      const mailbox = this.#mailbox(name, group);
      const { maxLength, maxBytes } = mailbox.limits;
      // What came since it was attached counts as waiting in it, or its log would grow as long as it is slow.
      const owed = filledTo === undefined ? 0 : topic.total - Math.max(floor, filledTo);
      const live = filledTo === undefined;
      const messages = mailbox.messages + owed;
      const bytes = mailbox.bytes;
      const fits = live ? mailbox.hasRoom(count, frame.length) : owed + count <= maxLength;
      const beyond = messages + count > retention.messages || (live && bytes + frame.length > retention.bytes);
      if ((beyond || !fits) && this.#isForgotten(mailbox, state, now))
        dropped.push(...this.#lapsed(name, group, topic));
      else if (!fits && full === undefined) {
        const byLength = maxLength - (live ? messages : owed);
        const room = Math.max(0, live && bytes + frame.length > maxBytes && byLength >= count ? 0 : byLength);
        full = { kind: 'full', group, room, messages, bytes, maxLength, maxBytes, dropped };
      }
    }
    return full;
  }

  /** Nobody serves it, nor is about to. */
  #isForgotten(mailbox: Mailbox, { at }: Group, now: number): boolean {
    return !mailbox.isServed && now - at >= TAKEN_UP_MS;
  }

  #lapsed(name: string, group: string, topic: Topic): DroppedGroup[] {
    topic.dropped += 1;
    const lost = this.#drop(name, group);
    if (lost === undefined) return [];
    topic.untold.set(group, { lost, at: this.#needs.clock.now() });
    return [lost];
  }

  #drop(name: string, group: string): DroppedGroup | undefined {
    const known = this.#topics.get(name)?.groups.delete(group) === true;
    const { messages, bytes, dead } = this.#mailbox(name, group);
    const lost = { topic: name, group, messages, bytes, dead: dead.size };
    this.#needs.forget(groupMailbox(name, group));
    return known ? lost : undefined;
  }

  /** Nobody has published to it before: patterns attach their groups. */
  #greet(name: string, topic: Topic): string[] {
    const attached: string[] = [];
    for (const { pattern, group } of this.#patterns.values()) {
      if (topic.groups.has(group) || topic.groups.size >= MOST_GROUPS || !matchesTopic(pattern, name)) continue;
      this.#put(topic, group, undefined, pattern);
      attached.push(group);
    }
    return attached;
  }

  #put(topic: Topic, group: string, since: Since | undefined, pattern: string | undefined): Attached {
    const filledTo = since === undefined ? undefined : topic.log.before(since === 'oldest' ? -Infinity : since);
    const at = pattern === undefined ? -Infinity : (topic.groups.get(group)?.at ?? this.#needs.clock.now());
    const state: Group = { filledTo, floor: topic.total, pattern, at };
    topic.groups.set(group, state);
    return stateOf(state);
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) this.#topics.set(name, (topic = new Topic()));
    return topic;
  }

  #mailbox(topic: string, group: string): Mailbox {
    return this.#needs.mailbox(groupMailbox(topic, group));
  }
}

function stateOf({ filledTo }: Group): Attached {
  return filledTo === undefined ? 'live' : 'filling';
}
