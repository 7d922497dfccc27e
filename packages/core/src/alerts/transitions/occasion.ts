/** What a raise means to an alert that may be known. */
import type { AlertRecord, Raised } from '../alert.ts';
import type { Moment } from '../judgement.ts';
import { isWorse } from '../severity.ts';

/** From this many returns on, a notice for each says nothing new. */
const SILENT_FLAPS = 2;

/**
 * - `begins`: nothing is known of it.
 * - `returns`: it was resolved a short while ago. `flaps`: so it was before, and those who were told know that.
 * - `worsens`: it is known, and hurts more than it did.
 * - `resumes`: it seemed to be over, but had not been let go.
 */
export type Occasion = 'begins' | 'returns' | 'flaps' | 'worsens' | 'resumes' | 'repeats';

/** Whether this raise has been counted already. Such a raise changes nothing. */
export function alreadyTold(before: AlertRecord, token: string): boolean {
  return before.tokens.includes(token);
}

/** Whether a notice would be given, and so has to be asked for; `new`: of a condition that is not known. */
export function wantsAdmission(
  before: AlertRecord | undefined,
  raised: Raised,
  moment: Moment,
): 'new' | 'known' | undefined {
  if (isIgnored(before, raised)) return undefined;
  const occasion = occasionOf(before, raised, moment);
  if (occasion === 'begins') return 'new';
  return occasion === 'returns' || occasion === 'worsens' ? 'known' : undefined;
}

/** It was counted already, or is pleasure where there is pain. */
export function isIgnored(before: AlertRecord | undefined, raised: Raised): boolean {
  if (before === undefined) return false;
  return alreadyTold(before, raised.token) || (before.type === 'pain' && raised.type === 'pleasure');
}

export function occasionOf(before: AlertRecord | undefined, raised: Raised, moment: Moment): Occasion {
  if (before === undefined || before.type !== raised.type || isPast(before, moment)) return 'begins';
  if (before.type === 'pleasure') return 'repeats';
  const worsens = isWorse(raised.severity, before.severity) || (raised.bypass && !before.bypass);
  if (before.state === 'resolved') {
    const isKnown = before.flaps + 1 >= SILENT_FLAPS && before.noticed > 0;
    return isKnown && !worsens && !raised.bypass ? 'flaps' : 'returns';
  }
  if (worsens) return 'worsens';
  return before.state === 'cleared-unacked' || before.endAfterHold !== undefined ? 'resumes' : 'repeats';
}

function isPast({ state, resolvedAt, lastAt }: AlertRecord, { now, policy }: Moment): boolean {
  return state === 'resolved' && now - (resolvedAt ?? lastAt) >= policy.reopenMs;
}
