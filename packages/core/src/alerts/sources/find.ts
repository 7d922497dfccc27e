/** What of the alerts that live concerns a source. When nothing hurts there are none, and this costs nothing. */
import type { AlertRecord } from '../alert.ts';
import type { ConditionFacts, SourcesNeeds } from './needs.ts';

type View = Pick<SourcesNeeds, 'alerts'>;

/** Pain that is not resolved. */
export function* openOf({ alerts }: View, kind: string): Iterable<AlertRecord> {
  for (const alert of alerts())
    if (alert.kind === kind && alert.type === 'pain' && alert.state !== 'resolved') yield alert;
}

export function isOpen(view: View, { kind, service, method, scope }: ConditionFacts): boolean {
  for (const alert of openOf(view, kind)) {
    const { source } = alert;
    if (source.service === service && source.method === method && scopeOf(alert) === scope) return true;
  }
  return false;
}

/** Nobody who lives says that it still hurts. A node that does not know of itself does not know of the others either. */
export function isAbandoned(
  { active }: AlertRecord,
  { lives, selfId }: Pick<SourcesNeeds, 'lives' | 'selfId'>,
): boolean {
  return active.length > 0 && lives(selfId()) && !active.some((nodeId) => lives(nodeId));
}

/** The scope that a source gave it; see `withScope`. */
export function scopeOf({ metrics }: AlertRecord): string | undefined {
  const scope = metrics?.['scope'];
  return typeof scope === 'string' ? scope : undefined;
}

/** What an alert tells of its condition. */
export function factsOf(alert: AlertRecord): ConditionFacts {
  const { service, method } = alert.source;
  return { kind: alert.kind, service, method, scope: scopeOf(alert) };
}
