import type { Timers } from '../../ground/clock.ts';
import type { Claim, SettleResult, Settlement } from '../../ports/broker.ts';
import type { KeyedCommit, PartitionTaken, RelayedFrame } from '../../ports/partitions.ts';
import type { DueSet } from './due-set.ts';
import { claimOf, type Entry } from './entry.ts';
import { fullMask, withoutOne } from './mask.ts';
import { PartitionLog } from './partition-log.ts';
import { bury, keepOrEnd } from './settle.ts';

/** One node's time with a partition. */
interface Tenure {
  readonly owner: string;
  readonly number: number;
  /** How it began; said again to whoever asks again. */
  readonly orphaned: string | undefined;
}

/** A claim that remembers under which tenure it was handed out: the owner's later ones are not served by it. */
interface TenureClaim extends Claim {
  readonly tenure: number;
}

/** One partition of a keyed mailbox: its log, who owns it, the state of its keys, and the casts that leave it. */
export class Partition {
  readonly name: string;
  readonly log: PartitionLog;
  readonly states: Map<string, Uint8Array> = new Map();
  readonly #timers: Timers;
  readonly #isMember: (id: string) => boolean;
  #tenure: Tenure | undefined;
  #tenures = 0;
  /** The last of those entries that a dead owner may have begun, while one of them is left. */
  #suspect: string | undefined;
  #outgoing: RelayedFrame[] = [];
  #lastNumber = 0;

  constructor(
    name: string,
    timers: Timers,
    due: DueSet,
    isMember: (id: string) => boolean,
    turnCame: (id: string) => void,
  ) {
    this.name = name;
    this.log = new PartitionLog(timers, due, { isMember, tell: turnCame });
    this.#timers = timers;
    this.#isMember = isMember;
  }

  /** Who owns it and lives. */
  owner(): string | undefined {
    const owner = this.#tenure?.owner;
    return owner !== undefined && this.#isMember(owner) ? owner : undefined;
  }

  /** Which tenure it is, if it is the member's. */
  tenureOf(member: string | undefined): number | undefined {
    return member !== undefined && this.owner() === member ? this.#tenure?.number : undefined;
  }

  take(member: string): PartitionTaken {
    const owner = this.owner();
    if (owner !== undefined && owner !== member) return { kind: 'held', by: owner };
    if (owner === undefined) this.#begin(member);
    const orphaned = this.#tenure?.orphaned;
    return { kind: 'owned', ...(orphaned === undefined ? undefined : { orphaned }) };
  }

  /** In good order: what it has begun and not ended, it has not begun. */
  release(member: string): void {
    if (this.#tenure?.owner !== member) return;
    this.#tenure = undefined;
    for (const entry of this.log.left()) entry.mark = undefined;
    const [first] = this.log.after(0, 1);
    if (first === undefined || first.order > Number(this.#suspect)) this.#suspect = undefined;
  }

  claim(entry: Entry, tenure: number): TenureClaim {
    const { applied } = entry;
    return {
      ...claimOf(this.name, entry),
      tenure,
      ...(applied === undefined ? undefined : { applied: new Map(applied) }),
    };
  }

  settle(member: string, settlement: Settlement): SettleResult {
    const entry = this.#find(member, settlement.claim);
    if (entry === undefined) return 'lost';
    const settling = { mailbox: this.log, member, now: this.#timers.clock.now() };
    switch (settlement.kind) {
      case 'done':
        this.log.end(member, entry);
        return 'settled';
      case 'progress':
        entry.mark = undefined;
        for (const [index, spent] of settlement.charges ?? []) charge(entry, index, spent);
        entry.history = settlement.history ?? entry.history;
        keepOrEnd(settling, entry, settlement.todo);
        return 'settled';
      case 'mark':
        entry.mark = settlement.index;
        keepOrEnd(settling, entry, settlement.todo);
        return 'settled';
      case 'bury':
        return bury(settling, entry, settlement) ? 'settled' : 'lost';
      case 'retry':
      case 'park':
        return 'lost';
    }
  }

  commit(member: string, { claim, index, key, state, casts, answer }: KeyedCommit): SettleResult {
    const entry = this.#find(member, claim);
    if (entry === undefined || entry.applied?.has(index) === true) return 'lost';
    const todo = entry.todo ?? fullMask(entry.count);
    if (todo[index] !== '1') return 'lost';
    if (state === null) this.states.delete(key);
    else if (state !== undefined) this.states.set(key, new Uint8Array(state));
    for (const { mailbox, frame, count } of casts) {
      // Microseconds, or one more than the last: no number comes twice, even of a log that has lost its end.
      this.#lastNumber = Math.max(this.#lastNumber + 1, Math.floor(this.#timers.clock.now() * 1_000));
      this.#outgoing.push({ mailbox, frame: new Uint8Array(frame), count, number: this.#lastNumber });
    }
    if (answer === undefined) {
      keepOrEnd({ mailbox: this.log, member }, entry, withoutOne(todo, index));
    } else {
      entry.applied ??= new Map();
      entry.applied.set(index, new Uint8Array(answer));
    }
    return 'settled';
  }

  outgoing(limit: number): RelayedFrame[] {
    return this.#outgoing.slice(0, limit).map((cast) => ({ ...cast, frame: new Uint8Array(cast.frame) }));
  }

  relayed(number: number): void {
    this.#outgoing = this.#outgoing.filter((cast) => cast.number > number);
  }

  #begin(member: string): void {
    if (this.#tenure !== undefined) {
      this.#suspect = this.log.last();
      for (const entry of this.log.left()) {
        if (entry.mark !== undefined) chargeMark(entry, entry.mark);
      }
    }
    this.#tenures += 1;
    this.#tenure = { owner: member, number: this.#tenures, orphaned: this.#suspect };
  }

  #find(member: string, claim: Claim): Entry | undefined {
    const { tenure } = claim as Partial<TenureClaim>;
    return tenure !== undefined && this.tenureOf(member) === tenure ? this.log.find(claim.id) : undefined;
  }
}

/** The envelope that was about to start when its node died has been delivered once more. */
function chargeMark(entry: Entry, mark: number): void {
  charge(entry, mark, (entry.charges?.get(mark) ?? 0) + 1);
  entry.mark = undefined;
}

/** What was spent is never taken back. */
function charge(entry: Entry, index: number, spent: number): void {
  entry.charges ??= new Map();
  entry.charges.set(index, Math.max(spent, entry.charges.get(index) ?? 0));
}
