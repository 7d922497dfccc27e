/** The port `Topics`: a hash for each topic, in the lane that holds the mailboxes of its groups. */
import {
  groupMailbox,
  NotMember,
  serviceOfTopic,
  type Attached,
  type DroppedGroup,
  type Filled,
  type Lapsed,
  type Matching,
  type PublishRequest,
  type PublishResult,
  type Since,
  type Topics,
  type TopicState,
} from './core.ts';
import { guarded } from './connection.ts';
import type { Ground } from './ground.ts';
import {
  laneOfMailbox,
  mailboxKeys,
  nodeKeys,
  topicGoneKey,
  topicKeys,
  type LaneKeys,
  type TopicKeys,
} from './keys.ts';
import { run } from './script.ts';

/** Topics looked at by one script. */
const PAGE = 64;
/** Pages looked over by one `lapse`: a thousand topics of one lane, or one page of sixteen. */
const MOST_PAGES = 16;
/** Frames moved from a log by one script: 2 MiB at most. */
const MOST_FILLED = 32;

type RawDropped = [topic: string, group: string, messages: number, bytes: number, dead: number];
type Level = [room: number, messages: number, bytes: number, maxLength: number, maxBytes: number];
type RawGroup = [group: string, filled: string, pattern: string, messages: number, bytes: number, dead: number];
type RawTopic = [topic: string, total: number, kept: number, dropped: number, ...groups: RawGroup[]];
type Refused = 'not-member';

interface Place {
  readonly lane: LaneKeys;
  readonly keys: TopicKeys;
}

export class RedisTopics implements Topics {
  readonly #ground: Ground;
  /** Where `lapse` goes on: a lane, and the last name it has looked at there. */
  #lapsed = { lane: 0, after: '' };

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async publish({ topic, number, frame, count, keep, retention }: PublishRequest): Promise<PublishResult> {
    const owner = this.#ground.registration.id;
    if (owner === undefined) return { kind: 'not-member' };
    const { lane, keys } = this.#place(topic);
    const answer = await run<
      Refused | [full: string, listed: string[] | Level, hints: string[], dropped: RawDropped[]]
    >(
      this.#ground.command,
      'publish',
      [
        ...[lane.members, nodeKeys(lane, owner).sent, keys.topic, keys.log, keys.topics, keys.patterns],
        ...[lane.due, lane.orphans],
      ],
      [
        ...[owner, lane.prefix, topic, number, count, Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)],
        ...[retention.messages, retention.bytes, retention.ms],
        ...[keep?.messages ?? '', keep?.ms ?? '', keep === undefined ? '' : '1'],
      ],
    );
    if (answer === 'not-member') {
      this.#lost(owner, 'publishing');
      return { kind: 'not-member' };
    }
    const [group, listed, hints, gone] = answer;
    const dropped = gone.map(toDropped);
    if (group === '') return { kind: 'accepted', attached: listed as string[], hints, dropped };
    const [room, messages, bytes, maxLength, maxBytes] = listed as Level;
    return { kind: 'full', group, room, messages, bytes, maxLength, maxBytes, dropped };
  }

  attach(topic: string, group: string, since?: Since, servedSince?: number): Promise<Attached> {
    return this.#attach(topic, group, since, '', servedSince);
  }

  rewind(topic: string, group: string, since: Since): Promise<Attached> {
    return this.#attach(topic, group, since, '1');
  }

  async fill(topic: string, group: string): Promise<Filled> {
    const owner = this.#ground.registration.id;
    if (owner === undefined) return 'not-member';
    const { lane, keys } = this.#place(topic);
    const { stream, level } = mailboxKeys(lane, groupMailbox(topic, group));
    const answer = await run<Filled>(
      this.#ground.command,
      'topicfill',
      [lane.members, keys.topic, keys.log, stream, level, lane.due, lane.orphans],
      [owner, group, MOST_FILLED],
    );
    if (answer === 'not-member') this.#lost(owner, 'filling a group');
    return answer;
  }

  async drop(topic: string, group: string): Promise<DroppedGroup | undefined> {
    const owner = this.#member();
    const { lane, keys } = this.#place(topic);
    const answer = await run<Refused | RawDropped | 0>(
      this.#ground.command,
      'topicdrop',
      [lane.members, keys.topic, topicGoneKey(lane, `${topic}@${group}`)],
      [owner, lane.prefix, topic, group, ''],
    );
    if (answer === 'not-member') throw this.#refused(owner, 'dropping a group');
    return answer === 0 ? undefined : toDropped(answer);
  }

  async quit(topic: string, group: string): Promise<boolean> {
    const owner = this.#member();
    const { lane } = this.#place(topic);
    const mailbox = groupMailbox(topic, group);
    const answer = await run<Refused | number>(
      this.#ground.command,
      'topicquit',
      [lane.members, nodeKeys(lane, owner).serves, mailboxKeys(lane, mailbox).stream],
      [owner, mailbox],
    );
    if (answer === 'not-member') throw this.#refused(owner, 'leaving a group');
    return answer === 1;
  }

  async tidy(topic: string, group: string): Promise<void> {
    const owner = this.#member();
    const { lane, keys } = this.#place(topic);
    const { command } = this.#ground;
    const answer = await run<unknown>(
      command,
      'topicdrop',
      [lane.members, keys.topic, topicGoneKey(lane, `${topic}@${group}`)],
      [owner, lane.prefix, topic, group, '1'],
    );
    if (answer === 'not-member') throw this.#refused(owner, 'tidying up');
  }

  async attachPattern(pattern: string, group: string, servedSince?: number): Promise<Matching> {
    const matching: string[] = [];
    for (const lane of this.#ground.lanes) {
      let after = '';
      do {
        const page = await this.#matching(lane, pattern, group, after, servedSince);
        if (typeof page === 'string') return page;
        const [next = '', ...topics] = page;
        matching.push(...topics);
        after = next;
      } while (after !== '');
    }
    return matching;
  }

  async dropPattern(pattern: string, group: string): Promise<readonly DroppedGroup[]> {
    const owner = this.#member();
    const dropped: DroppedGroup[] = [];
    for (const lane of this.#ground.lanes) {
      const { topics, patterns } = topicKeys(lane, '');
      for await (const page of pages(async (after) => {
        const answer = await run<Refused | [after: string, ...dropped: RawDropped[]]>(
          this.#ground.command,
          'topicunpattern',
          [lane.members, topics, patterns, topicGoneKey(lane, `${pattern} ${group}`)],
          [owner, lane.prefix, pattern, group, after, PAGE],
        );
        if (answer === 'not-member') throw this.#refused(owner, 'dropping a pattern');
        return answer;
      }))
        dropped.push(...page.map(toDropped));
    }
    return dropped;
  }

  async list(): Promise<readonly TopicState[]> {
    const all: TopicState[] = [];
    for (const lane of this.#ground.lanes) {
      const { topics } = topicKeys(lane, '');
      for await (const page of pages((after) =>
        run<[after: string, ...topics: RawTopic[]]>(
          this.#ground.command,
          'topics',
          [topics],
          [lane.prefix, after, PAGE],
        ),
      ))
        all.push(...page.map(toState));
    }
    return all.toSorted((one, other) => (one.topic < other.topic ? -1 : 1));
  }

  async lapse(): Promise<Lapsed> {
    const all = { dropped: [] as DroppedGroup[], filling: [] as Lapsed['filling'][number][] };
    let lanes = 0;
    for (let pages = 0; pages < MOST_PAGES && lanes < this.#ground.lanes.length; pages += 1) {
      try {
        const { dropped, filling } = await this.#lapsePage();
        all.dropped.push(...dropped);
        all.filling.push(...filling);
      } catch (thrown) {
        // What was dropped before has to be told.
        if (all.dropped.length === 0) throw thrown;
        return all;
      }
      if (this.#lapsed.after === '') lanes += 1;
    }
    return all;
  }

  async told(groups: readonly DroppedGroup[]): Promise<void> {
    const { command } = this.#ground;
    for (const { topic, group } of groups)
      await guarded('told', command.sendText('hdel', [this.#place(topic).keys.topic, `x:${group}`]));
  }

  async #lapsePage(): Promise<Lapsed> {
    const owner = this.#member();
    const lane = this.#ground.lane(this.#lapsed.lane);
    const { topics } = topicKeys(lane, '');
    const answer = await run<Refused | [after: string, dropped: RawDropped[], filling: [string, string][]]>(
      this.#ground.command,
      'topiclapse',
      [lane.members, topics],
      [owner, lane.prefix, this.#lapsed.after, PAGE],
    );
    if (answer === 'not-member') throw this.#refused(owner, 'looking over topics');
    const [after, dropped, filling] = answer;
    const next = after === '' ? (this.#lapsed.lane + 1) % this.#ground.lanes.length : this.#lapsed.lane;
    this.#lapsed = { lane: next, after };
    return { dropped: dropped.map(toDropped), filling: filling.map(([topic, group]) => ({ topic, group })) };
  }

  async #attach(
    topic: string,
    group: string,
    since: Since | undefined,
    again: '' | '1',
    servedSince?: number,
  ): Promise<Attached> {
    const owner = this.#ground.registration.id;
    if (owner === undefined) return 'not-member';
    const { lane, keys } = this.#place(topic);
    const from = since === 'oldest' ? '-' : since === undefined ? '' : Math.max(0, Math.ceil(since));
    const answer = await run<Attached>(
      this.#ground.command,
      'topicattach',
      [lane.members, keys.topic, keys.log, keys.topics, topicGoneKey(lane, `${topic}@${group}`)],
      [owner, topic, group, from, again, servedSince ?? ''],
    );
    if (answer === 'not-member') this.#lost(owner, 'attaching a group');
    return answer;
  }

  /** A page of the topics of one lane that match, behind the name at which the next begins. */
  async #matching(
    lane: LaneKeys,
    pattern: string,
    group: string,
    after: string,
    servedSince: number | undefined,
  ): Promise<string[] | Exclude<Matching, readonly string[]>> {
    const owner = this.#member();
    const { topics, patterns } = topicKeys(lane, '');
    const answer = await run<Refused | Exclude<Matching, readonly string[]> | string[]>(
      this.#ground.command,
      'topicpattern',
      [lane.members, topics, patterns, topicGoneKey(lane, `${pattern} ${group}`)],
      [owner, lane.prefix, pattern, group, after, PAGE, servedSince ?? ''],
    );
    if (answer === 'not-member') throw this.#refused(owner, 'attaching a pattern');
    return answer;
  }

  #place(topic: string): Place {
    const lane = this.#ground.lane(laneOfMailbox(serviceOfTopic(topic), this.#ground.lanes.length));
    return { lane, keys: topicKeys(lane, topic) };
  }

  /** @throws NotMember */
  #member(): string {
    const { registration, identity } = this.#ground;
    if (registration.id === undefined) throw new NotMember(identity.name, 'not-executed');
    return registration.id;
  }

  #lost(owner: string, when: string): void {
    this.#ground.registration.lose(owner, `no member when ${when}`);
  }

  #refused(owner: string, when: string): NotMember {
    this.#lost(owner, when);
    return new NotMember(owner, 'not-executed');
  }
}

/** Asks for one page after the other; the first of each says after which name the next begins, '' after the last. */
async function* pages<One>(
  page: (after: string) => Promise<[after: string, ...ones: One[]]>,
): AsyncGenerator<One[], void, void> {
  let after = '';
  do {
    const [next, ...ones] = await page(after);
    yield ones;
    after = next;
  } while (after !== '');
}

function toDropped([topic, group, messages, bytes, dead]: RawDropped): DroppedGroup {
  return { topic, group, messages, bytes, dead };
}

function toState([topic, published, kept, dropped, ...groups]: RawTopic): TopicState {
  return {
    ...{ topic, published, kept, dropped },
    groups: groups.map(([group, filled, pattern, messages, bytes, dead]) => ({
      ...{ group, filling: filled === '1', messages, bytes, dead },
      ...(pattern === '' ? undefined : { pattern }),
    })),
  };
}
