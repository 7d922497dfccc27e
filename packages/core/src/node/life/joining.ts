/** Being a member: a node joins, may be evicted, loses what it had in hand, and joins again under another id. */
import type { SplitMailboxes } from '../../calling/split-mailboxes.ts';
import { fullJitter } from '../../ground/backoff.ts';
import type { Clock } from '../../ground/clock.ts';
import { messageOf } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import { sleep } from '../../ground/loop.ts';
import type { Membership, Presence } from '../../ports/membership.ts';
import type { ScheduledFunctions } from '../../schedules/functions.ts';
import type { Replies } from '../../sending/replies.ts';
import type { TopicRoom } from '../../topics/topic-room.ts';
import type { Correspondence } from '../parts/correspondence.ts';
import type { Settling } from '../parts/settling.ts';
import type { SharedState } from '../parts/shared-state.ts';
import type { ServedActors } from '../served/served-actors.ts';
import type { Standing } from '../standing.ts';

export interface JoiningNeeds {
  readonly membership: Pick<Membership, 'join'>;
  readonly standing: Standing;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Log;
  readonly replies: Replies;
  readonly split: SplitMailboxes;
  readonly shared: SharedState;
  readonly actors: ServedActors;
  readonly settling: Settling;
  readonly correspondence: Correspondence;
  readonly functions: ScheduledFunctions;
  readonly topics: TopicRoom;
}

/** Wait between two tries to join again, ms; grows, with jitter. */
const REJOIN_MS = 50;
export const REJOIN_MAX_MS = 2_000;

export class Joining {
  readonly #needs: JoiningNeeds;

  constructor(needs: JoiningNeeds) {
    this.#needs = needs;
  }

  /** Resolves when the node is a member and knows the others. @throws TransportError */
  async join(): Promise<void> {
    const { membership, presence, standing, clock, replies, split, shared } = this.#needs;
    standing.id = await membership.join(presence, {
      evicted: (reason) => this.#evicted(reason),
      inbox: (frames) => replies.receive(frames),
      news: (items) => shared.news(items),
      alerts: (items) => shared.alerts.apply(items),
      beaten: (seq, alertSeq) => {
        standing.lastBeatAt = clock.elapsed();
        shared.beaten(seq, alertSeq);
      },
    });
    split.forget();
    standing.member = true;
    // Joining was answered: as good as a beat.
    standing.lastBeatAt = clock.elapsed();
    await shared.joined();
  }

  /** What is in hand belongs to others from now on; this node starts afresh under another id. */
  #evicted(reason: string): void {
    const { standing, log } = this.#needs;
    if (!standing.member) return;
    log.error(
      { evt: 'evicted', id: standing.id, reason },
      'this node is no member any more; it joins again under a new id',
    );
    this.#lose();
    if (!standing.closing.aborted) standing.rejoining ??= this.#rejoin();
  }

  #lose(): void {
    const { standing, actors, settling, replies, correspondence } = this.#needs;
    standing.member = false;
    let lostByKey = 0;
    for (const { dispatcher, keyed } of actors.all) {
      dispatcher.drop();
      lostByKey += keyed?.drop() ?? 0;
    }
    settling.lose(lostByKey);
    replies.lose(standing.id);
    correspondence.lost(standing.id);
  }

  async #rejoin(): Promise<void> {
    const { standing, actors, functions, topics, log } = this.#needs;
    // It may be evicted again while it joins.
    for (let attempt = 1; !standing.member && !standing.closing.aborted; attempt += 1) {
      try {
        await this.join();
        for (const served of actors.all) await actors.consume(served);
        await functions.rejoined();
        await topics.rejoined();
        log.info({ evt: 'rejoined', id: standing.id }, 'joined again');
      } catch (thrown) {
        log.warn(
          { evt: 'rejoin_failed', attempt, reason: messageOf(thrown) },
          'joining again failed; it is tried again',
        );
        if (standing.member) this.#lose();
        await sleep(fullJitter(attempt, REJOIN_MS, REJOIN_MAX_MS), standing.closing);
      }
    }
    standing.rejoining = undefined;
  }
}
