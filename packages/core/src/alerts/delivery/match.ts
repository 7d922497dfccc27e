/** Whether an alert is for a subscription. */
import type { Alert } from '../alert.ts';
import { rank } from '../severity.ts';
import type { Wanted } from './plan.ts';

/** Every field that is given must fit; the level is a matter of the notice. */
export function concerns(wanted: Wanted, alert: Alert): boolean {
  const { minSeverity, types, services, kinds, tags } = wanted;
  return (
    types.includes(alert.type) &&
    (minSeverity === undefined || rank(alert.severity) >= rank(minSeverity)) &&
    (services === undefined || (alert.source.service !== undefined && services.includes(alert.source.service))) &&
    (kinds === undefined || kinds.includes(alert.kind)) &&
    (tags === undefined || tags.every((tag) => alert.tags?.includes(tag)))
  );
}
