import type { ClaimAnswer, NoticeRef } from '../../ports/alerts.ts';

/** What one group of subscribers has of one alert. */
interface Claim {
  /** Number of the last notice that was delivered. */
  done: number;
  /** Whose hands a notice is in. */
  held: { readonly notice: number; readonly by: string } | undefined;
}

/** Who delivers which notice. */
export class AlertClaims {
  /** Alert → group → claim. */
  readonly #claims = new Map<string, Map<string, Claim>>();

  claim({ alertId, group, notice }: NoticeRef, by: string, lives: (node: string) => boolean): ClaimAnswer {
    const groups = this.#claims.get(alertId) ?? new Map<string, Claim>();
    const claim: Claim = groups.get(group) ?? { done: 0, held: undefined };
    if (notice <= claim.done) return 'done';
    const { held } = claim;
    const mine = held?.by === by && held.notice === notice;
    if (held !== undefined && !mine && held.notice >= notice && lives(held.by)) return 'held';
    claim.held = { notice, by };
    groups.set(group, claim);
    this.#claims.set(alertId, groups);
    return 'granted';
  }

  finish({ alertId, group, notice }: NoticeRef, by: string, outcome: 'done' | 'released'): void {
    const claim = this.#claims.get(alertId)?.get(group);
    if (claim?.held?.by !== by || claim.held.notice !== notice) return;
    claim.held = undefined;
    if (outcome === 'done') claim.done = Math.max(claim.done, notice);
  }

  forget(alertId: string): void {
    this.#claims.delete(alertId);
  }

  clear(): void {
    this.#claims.clear();
  }
}
