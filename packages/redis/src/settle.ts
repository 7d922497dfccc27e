/**
 * Carries out a batch of endings: what is done in one script per lane, steps of one mailbox in one, moves one by one;
 * all in the same write to the server, where they run in this order. A claim's `done` is the last that is said of it.
 */
import { ones, type OwnedClaim } from './claims.ts';
import type { Claim, SettleResult, Settlement } from './core.ts';
import type { DueTimer } from './due.ts';
import type { Ground } from './ground.ts';
import { laneOfMailbox, mailboxKeys, type LaneKeys, type MailboxKeys } from './keys.ts';
import { run } from './script.ts';

/** Entries ended by one script. */
const MOST_ENDED = 512;

type Slot = { readonly index: number; readonly settlement: Settlement };
/** A group of settlements that one script carries out: same lane and owner, in order. */
type Done = { readonly lane: LaneKeys; readonly owner: string; readonly slots: Slot[] };
type Step = Settlement & { readonly kind: 'progress' | 'mark' };

export class Settling {
  readonly #ground: Ground;
  readonly #due: readonly DueTimer[];
  /** Told of each claim that is in this node's hands no more. */
  readonly #released: (claim: Claim) => void;

  constructor(ground: Ground, due: readonly DueTimer[], released: (claim: Claim) => void) {
    this.#ground = ground;
    this.#due = due;
    this.#released = released;
  }

  async settle(batch: readonly Settlement[]): Promise<readonly SettleResult[]> {
    const results = batch.map((): SettleResult => 'lost');
    const work: Promise<void>[] = [];
    const done = new Map<string, Done>();
    let steps: Slot[] = [];
    const flushSteps = (): void => {
      if (steps.length > 0) work.push(this.#steps(steps, results));
      steps = [];
    };
    batch.forEach((settlement, index) => {
      const { claim } = settlement;
      const slot = { index, settlement };
      switch (settlement.kind) {
        case 'done': {
          const lane = this.#lane(claim);
          const owner = this.#owner(claim);
          const key = `${lane.prefix}${owner}`;
          const group = done.get(key);
          if (group === undefined) done.set(key, { lane, owner, slots: [slot] });
          else group.slots.push(slot);
          return;
        }
        case 'progress':
        case 'mark': {
          const first = steps[0]?.settlement.claim;
          if (first !== undefined && (first.mailbox !== claim.mailbox || this.#owner(first) !== this.#owner(claim))) flushSteps();
          steps.push(slot);
          return;
        }
        default:
          flushSteps();
          work.push(this.#move(slot, results));
      }
    });
    flushSteps();
    for (const group of done.values()) {
      for (let from = 0; from < group.slots.length; from += MOST_ENDED) work.push(this.#done(group, group.slots.slice(from, from + MOST_ENDED), results));
    }
    // All are waited for, so that nothing of this batch is under way when it is repeated.
    for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') throw outcome.reason;
    batch.forEach((settlement, index) => {
      if (results[index] !== 'settled' || endsHere(settlement)) this.#released(settlement.claim);
    });
    return results;
  }

  async #done(group: Done, slots: readonly Slot[], results: SettleResult[]): Promise<void> {
    const byMailbox = new Map<string, Slot[]>();
    for (const slot of slots) {
      const { mailbox } = slot.settlement.claim;
      const same = byMailbox.get(mailbox);
      if (same === undefined) byMailbox.set(mailbox, [slot]);
      else same.push(slot);
    }
    const keys = [group.lane.members];
    const args: (string | number)[] = [group.owner];
    const order: Slot[] = [];
    for (const [mailbox, same] of byMailbox) {
      const { stream, level, progress } = mailboxKeys(group.lane, mailbox);
      keys.push(stream, level, progress);
      args.push(same.length);
      for (const slot of same) {
        const { claim } = slot.settlement;
        args.push(claim.id, claim.todo === undefined ? claim.count : ones(claim.todo), claim.frame.length);
        order.push(slot);
      }
    }
    const answer = await run<string>(this.#ground.command, 'settle', keys, args);
    this.#read(answer, group.owner, order, results);
  }

  async #steps(slots: readonly Slot[], results: SettleResult[]): Promise<void> {
    const first = slots[0]?.settlement.claim;
    if (first === undefined) return;
    const lane = this.#lane(first);
    const { stream, level, progress } = mailboxKeys(lane, first.mailbox);
    const owner = this.#owner(first);
    const args: (string | number)[] = [owner];
    for (const { settlement } of slots) {
      const { claim, todo, ...rest } = settlement as Step;
      args.push(claim.id, claimed(claim), todo, 'index' in rest ? rest.index : '', claim.frame.length);
    }
    const answer = await run<string>(this.#ground.command, 'progress', [lane.members, stream, level, progress], args);
    this.#read(answer, owner, slots, results);
  }

  async #move({ index, settlement }: Slot, results: SettleResult[]): Promise<void> {
    const { claim } = settlement;
    const lane = this.#lane(claim);
    const owner = this.#owner(claim);
    const answer = await this.#moveOne(settlement, lane, owner, mailboxKeys(lane, claim.mailbox));
    if (answer === 'not-member') this.#ground.registration.lose(owner, 'no member when settling');
    results[index] = answer === 'not-member' ? 'not-member' : answer === 1 ? 'settled' : 'lost';
  }

  async #moveOne(settlement: Settlement, lane: LaneKeys, owner: string, keys: MailboxKeys): Promise<number | string> {
    const { claim } = settlement;
    const { command } = this.#ground;
    const own = [lane.members, keys.stream, keys.level, keys.progress];
    switch (settlement.kind) {
      case 'retry': {
        const at = Math.ceil(settlement.at);
        const answer = await run<number | string>(
          command,
          'retry',
          [...own, lane.due, lane.dueFrames, lane.dueSeq],
          [owner, claim.id, claim.mailbox, settlement.moved, settlement.todo ?? '', at, settlement.deliveries, settlement.history],
        );
        this.#due[laneOfMailbox(claim.mailbox, this.#ground.lanes.length)]?.arm(at);
        return answer;
      }
      case 'bury':
        return run(command, 'bury', [...own, keys.dead], [owner, claim.id, settlement.moved, settlement.todo ?? '', settlement.reason, settlement.deliveries, settlement.history]);
      case 'park':
        return run(command, 'park', [...own, lane.orphans], [owner, claim.id, claim.mailbox, claimed(claim), settlement.todo, claim.frame.length, lane.prefix]);
      default:
        throw new TypeError(`${settlement.kind} moves nothing`);
    }
  }

  #read(answer: string, owner: string, slots: readonly Slot[], results: SettleResult[]): void {
    if (answer === 'not-member') {
      for (const { index } of slots) results[index] = 'not-member';
      this.#ground.registration.lose(owner, 'no member when settling');
      return;
    }
    slots.forEach(({ index }, i) => {
      results[index] = answer.charCodeAt(i) === 0x31 ? 'settled' : 'lost';
    });
  }

  #lane(claim: Claim): LaneKeys {
    return this.#ground.lane(laneOfMailbox(claim.mailbox, this.#ground.lanes.length));
  }

  /** The member that claimed it; a claim that was copied without it counts as the present one's. */
  #owner(claim: Claim): string {
    return (claim as Partial<OwnedClaim>).owner ?? this.#ground.registration.id ?? '';
  }
}

/** What a claim held to do when it was claimed. */
function claimed(claim: Claim): string {
  return claim.todo ?? '1'.repeat(claim.count);
}

function endsHere(settlement: Settlement): boolean {
  switch (settlement.kind) {
    case 'done':
    case 'park':
      return true;
    default:
      return settlement.todo === undefined || !settlement.todo.includes('1');
  }
}
