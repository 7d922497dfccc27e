import { CLAIMS_LIFETIME_MS, type ClaimAnswer, type NoticeRef } from '../../ports/alerts.ts';
import type { Clock } from '../../ground/clock.ts';

/** What one group of subscribers has of one alert. */
interface Claim {
  /** Number of the last notice that was delivered. */
  done: number;
  /** Whose hands a notice is in. */
  held: { readonly notice: number; readonly by: string } | undefined;
}

/** What the groups of subscribers have of one alert. */
interface Kept {
  readonly groups: Map<string, Claim>;
  readonly until: number;
}

/** Who delivers which notice. */
export class AlertClaims {
  readonly #clock: Clock;
  /** By alert, those that nobody has touched for longest first. */
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  claim({ alertId, group, notice }: NoticeRef, by: string, lives: (node: string) => boolean): ClaimAnswer {
    this.#prune();
    const groups = this.#kept.get(alertId)?.groups ?? new Map<string, Claim>();
    const claim: Claim = groups.get(group) ?? { done: 0, held: undefined };
    if (notice <= claim.done) return 'done';
    const { held } = claim;
    const mine = held?.by === by && held.notice === notice;
    if (held !== undefined && !mine && held.notice >= notice && lives(held.by)) return 'held';
    claim.held = { notice, by };
    groups.set(group, claim);
    this.#keep(alertId, groups);
    return 'granted';
  }

  finish({ alertId, group, notice }: NoticeRef, by: string, outcome: 'done' | 'released'): void {
    this.#prune();
    const groups = this.#kept.get(alertId)?.groups;
    const claim = groups?.get(group);
    if (groups === undefined || claim?.held?.by !== by || claim.held.notice !== notice) return;
    claim.held = undefined;
    if (outcome === 'done') claim.done = Math.max(claim.done, notice);
    this.#keep(alertId, groups);
  }

  forget(alertId: string): void {
    this.#kept.delete(alertId);
  }

  #keep(alertId: string, groups: Map<string, Claim>): void {
    this.#kept.delete(alertId);
    this.#kept.set(alertId, { groups, until: this.#clock.now() + CLAIMS_LIFETIME_MS });
  }

  /** Somebody may have claimed what had just ended: nobody else would forget that. */
  #prune(): void {
    const now = this.#clock.now();
    for (const [alertId, { until }] of this.#kept) {
      if (until > now) return;
      this.#kept.delete(alertId);
    }
  }
}
