/**
 * Carries out a batch of endings: what is done in one script per lane, steps of one mailbox in one, moves one by one,
 * all in the same write to the server. What is said twice of one claim goes in waves, one after the other: a script that
 * the server has forgotten is sent again, and would come late.
 */
import { ones } from './claims.ts';
import { isPartition } from './core.ts';
import type { Claim, SettleResult, Settlement } from './core.ts';
import type { DueTimer } from './due.ts';
import type { Ground } from './ground.ts';
import { addressOf, laneOfMailbox, mailboxKeys, type LaneKeys, type MailboxKeys } from './keys.ts';
import { claimed, KeyedSettling } from './keyed-settle.ts';
import { Parting } from './parting.ts';
import { run } from './script.ts';

/** Entries ended by one script. */
const MOST_ENDED = 512;

type Slot = { readonly index: number; readonly settlement: Settlement };
/** Into how many its mailbox is split, and what is left of it to do. */
type Parted = readonly [partitions: number, todo: string];
type Step = Settlement & { readonly kind: 'progress' | 'mark' };

export class Settling {
  readonly #ground: Ground;
  readonly #due: readonly DueTimer[];
  readonly #keyed: KeyedSettling;

  constructor(ground: Ground, due: readonly DueTimer[]) {
    this.#ground = ground;
    this.#due = due;
    this.#keyed = new KeyedSettling(ground);
  }

  async settle(batch: readonly Settlement[]): Promise<readonly SettleResult[]> {
    const results = batch.map((): SettleResult => 'lost');
    for (const wave of waves(batch)) await this.#carryOut(wave, results);
    return results;
  }

  async #carryOut(wave: readonly Slot[], results: SettleResult[]): Promise<void> {
    const { hands, registration } = this.#ground;
    const owner = registration.id;
    if (owner === undefined) {
      for (const { index } of wave) results[index] = 'not-member';
      return;
    }
    const work: Promise<void>[] = [];
    const done = new Map<LaneKeys, Slot[]>();
    const keyed: Slot[] = [];
    let steps: Slot[] = [];
    const flushSteps = (): void => {
      if (steps.length > 0) work.push(this.#steps(owner, steps, results));
      steps = [];
    };
    for (const slot of wave) {
      const { settlement } = slot;
      const { claim } = settlement;
      if (!hands.holds(claim)) {
        if (isPartition(claim.mailbox)) keyed.push(slot);
        continue;
      }
      switch (settlement.kind) {
        case 'done': {
          const lane = this.#lane(claim);
          const group = done.get(lane);
          if (group === undefined) done.set(lane, [slot]);
          else group.push(slot);
          break;
        }
        case 'progress':
        case 'mark': {
          const first = steps[0]?.settlement.claim;
          if (first !== undefined && first.mailbox !== claim.mailbox) flushSteps();
          steps.push(slot);
          break;
        }
        default:
          flushSteps();
          work.push(this.#move(owner, slot, results));
      }
    }
    flushSteps();
    if (keyed.length > 0) work.push(this.#keyed.carryOut(owner, keyed, results));
    for (const [lane, slots] of done) {
      for (let from = 0; from < slots.length; from += MOST_ENDED)
        work.push(this.#done(owner, lane, slots.slice(from, from + MOST_ENDED), results));
    }
    // All are waited for, so that nothing of this batch is under way when it is repeated.
    for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') throw outcome.reason;
    for (const { index, settlement } of wave)
      if (results[index] !== 'settled' || endsHere(settlement)) hands.release(settlement.claim);
  }

  async #done(owner: string, lane: LaneKeys, slots: readonly Slot[], results: SettleResult[]): Promise<void> {
    const byMailbox = new Map<string, Slot[]>();
    for (const slot of slots) {
      const { mailbox } = slot.settlement.claim;
      const same = byMailbox.get(mailbox);
      if (same === undefined) byMailbox.set(mailbox, [slot]);
      else same.push(slot);
    }
    const keys = [lane.members];
    const args: (string | number)[] = [owner];
    const order: Slot[] = [];
    for (const [mailbox, same] of byMailbox) {
      const { stream, level, progress } = mailboxKeys(lane, mailbox);
      keys.push(stream, level, progress);
      args.push(same.length);
      for (const slot of same) {
        const { claim } = slot.settlement;
        args.push(claim.id, claim.todo === undefined ? claim.count : ones(claim.todo), claim.frame.length);
        order.push(slot);
      }
    }
    const answer = await run<string>(this.#ground.command, 'settle', keys, args);
    this.#read(answer, owner, order, results);
  }

  async #steps(owner: string, slots: readonly Slot[], results: SettleResult[]): Promise<void> {
    const first = slots[0]?.settlement.claim;
    if (first === undefined) return;
    const lane = this.#lane(first);
    const { stream, level, progress } = mailboxKeys(lane, first.mailbox);
    const args: (string | number)[] = [owner];
    for (const { settlement } of slots) {
      const { claim, todo, ...rest } = settlement as Step;
      args.push(claim.id, claimed(claim), todo, 'index' in rest ? rest.index : '', claim.frame.length);
    }
    const answer = await run<string>(this.#ground.command, 'progress', [lane.members, stream, level, progress], args);
    this.#read(answer, owner, slots, results);
  }

  async #move(owner: string, { index, settlement }: Slot, results: SettleResult[]): Promise<void> {
    const { claim } = settlement;
    const lane = this.#lane(claim);
    const answer = await this.#moveOne(settlement, lane, owner, mailboxKeys(lane, claim.mailbox));
    if (answer === 'not-member') this.#ground.registration.lose(owner, 'no member when settling');
    results[index] =
      typeof answer === 'object'
        ? await this.#partOut(owner, claim, answer)
        : answer === 'not-member'
          ? 'not-member'
          : answer === 1
            ? 'settled'
            : 'lost';
  }

  /** What came of a mailbox that was split. */
  async #partOut(owner: string, claim: Claim, [partitions, todo]: Parted): Promise<SettleResult> {
    const [ended] = await new Parting(this.#ground, claim.mailbox).move(owner, partitions, [{ ...claim, todo }]);
    return ended === true ? 'settled' : 'lost';
  }

  async #moveOne(
    settlement: Settlement,
    lane: LaneKeys,
    owner: string,
    keys: MailboxKeys,
  ): Promise<number | string | Parted> {
    const { claim } = settlement;
    const { command } = this.#ground;
    const own = [lane.members, keys.stream, keys.level, keys.progress];
    switch (settlement.kind) {
      case 'retry': {
        const at = Math.ceil(settlement.at);
        const answer = await run<number | string>(
          command,
          'retry',
          [...own, lane.due, lane.dueFrames, lane.dueSeq, lane.revision],
          [
            owner,
            claim.id,
            claim.mailbox,
            settlement.moved,
            settlement.todo ?? '',
            at,
            settlement.deliveries,
            settlement.history,
          ],
        );
        this.#due[laneOfMailbox(claim.mailbox, this.#ground.lanes.length)]?.arm(at);
        return answer;
      }
      case 'bury':
        return run(
          command,
          'bury',
          [...own, keys.dead],
          [
            owner,
            claim.id,
            settlement.moved,
            settlement.todo ?? '',
            settlement.reason,
            settlement.deliveries,
            settlement.history,
          ],
        );
      case 'park':
        return run(
          command,
          'park',
          [...own, lane.orphans, lane.revision, ...sharedKeys(lane, claim.mailbox)],
          [owner, claim.id, claim.mailbox, claimed(claim), settlement.todo, claim.frame.length, lane.prefix],
        );
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
}

/** Where what was for this node alone is handed back to; none for what was for anybody. */
function sharedKeys(lane: LaneKeys, mailbox: string): string[] {
  const { shared } = addressOf(mailbox);
  if (shared === mailbox) return [];
  const { stream, progress } = mailboxKeys(lane, shared);
  return [stream, progress];
}

/** The first saying of each claim, then the second of each, and so on. Nearly always one wave. */
function waves(batch: readonly Settlement[]): Slot[][] {
  const result: Slot[][] = [];
  const said = new Map<Claim, number>();
  batch.forEach((settlement, index) => {
    const wave = said.get(settlement.claim) ?? 0;
    said.set(settlement.claim, wave + 1);
    (result[wave] ??= []).push({ index, settlement });
  });
  return result;
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
