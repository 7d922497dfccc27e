/**
 * What the subscriptions of one group on this node have in common: what was delivered, and which of them has what in
 * hand. To the other nodes they are one member.
 */
import type { ClaimAnswer } from '../../ports/alerts.ts';
import type { Claiming, Ending } from './claims.ts';
import type { Work } from './work.ts';

export interface GroupMember {
  /** Another member on this node has had this alert in hand, and no longer has. */
  freed(alertId: string): void;
}

export interface GroupNeeds {
  readonly name: string;
  readonly claiming: Claiming;
  selfId(): string;
}

export class Group {
  readonly name: string;
  readonly #needs: GroupNeeds;
  readonly #members = new Set<GroupMember>();
  /** Alert → number of the last notice that is known to be delivered. */
  readonly #done = new Map<string, number>();
  readonly #inHand = new Map<string, GroupMember>();

  constructor(needs: GroupNeeds) {
    this.name = needs.name;
    this.#needs = needs;
  }

  get empty(): boolean {
    return this.#members.size === 0;
  }

  join(member: GroupMember): void {
    this.#members.add(member);
  }

  leave(member: GroupMember): void {
    this.#members.delete(member);
  }

  doneOf(alertId: string): number {
    return this.#done.get(alertId) ?? 0;
  }

  /** The alert is over, and its claims are forgotten. */
  forget(alertId: string): void {
    this.#done.delete(alertId);
  }

  isFree(alertId: string, member: GroupMember): boolean {
    const holder = this.#inHand.get(alertId);
    return holder === undefined || holder === member;
  }

  /** Whether the claim of this work holds without asking again. */
  holds(work: Work): boolean {
    return work.claim?.ref.notice === work.notice && work.claim.nodeId === this.#needs.selfId();
  }

  /** Rejects when the store is away. Only what is free may be claimed. */
  async claim(work: Work, member: GroupMember): Promise<ClaimAnswer> {
    if (this.holds(work)) return 'granted';
    const { alertId, notice } = work;
    const ref = { alertId, group: this.name, notice };
    const nodeId = this.#needs.selfId();
    this.#inHand.set(alertId, member);
    try {
      const answer = await this.#needs.claiming.claim(ref);
      if (answer === 'granted') work.claim = { ref, nodeId };
      else this.#letGo(work);
      if (answer === 'done') this.#note(work, notice);
      return answer;
    } catch (thrown) {
      // It may have been granted: then it has to be given back some day.
      work.claim = { ref, nodeId: undefined };
      throw thrown;
    }
  }

  /** Ends a claim, if there is one. */
  finish(work: Work, ending: Ending): void {
    const { claim } = work;
    if (claim === undefined) return;
    if (ending === 'done') this.#note(work, claim.ref.notice);
    this.#needs.claiming.finish(claim.ref, ending);
    this.#letGo(work);
  }

  #note({ alertId, record }: Work, notice: number): void {
    if (record !== undefined) this.#done.set(alertId, Math.max(notice, this.doneOf(alertId)));
  }

  #letGo(work: Work): void {
    work.claim = undefined;
    const holder = this.#inHand.get(work.alertId);
    this.#inHand.delete(work.alertId);
    for (const member of this.#members) if (member !== holder) member.freed(work.alertId);
  }
}
