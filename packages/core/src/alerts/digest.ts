/** Many alerts in one message. */
import type { Alert, AlertDigest, DigestGroup } from './alert.ts';
import { MAX_GROUPS, MAX_GROUP_IDS } from './bounds.ts';
import { rank, worstOf } from './severity.ts';

/** Stands for all services and kinds for which there was no room. */
const OTHERS = '*';

/** By service and kind, the worst and most first; what there is no room for comes in one group at the end. */
export function digestOf(alerts: Iterable<Alert>, from: number, to: number): AlertDigest {
  const bySource = new Map<string, Alert[]>();
  let total = 0;
  for (const alert of alerts) {
    const key = JSON.stringify([alert.source.service ?? '', alert.kind]);
    const group = bySource.get(key);
    if (group === undefined) bySource.set(key, [alert]);
    else group.push(alert);
    total += 1;
  }
  const groups = [...bySource.values()].map((group) => groupOf(group)).sort(worstFirst);
  return { from, to, total, groups: withRoom(groups) };
}

function groupOf(alerts: readonly Alert[]): DigestGroup {
  const [first] = alerts;
  return {
    service: first?.source.service ?? '',
    kind: first?.kind ?? OTHERS,
    alerts: alerts.length,
    count: sum(alerts.map(({ count }) => count)),
    severity: worstOf(alerts.map(({ severity }) => severity)),
    ids: alerts.slice(0, MAX_GROUP_IDS).map(({ id }) => id),
  };
}

function worstFirst(a: DigestGroup, b: DigestGroup): number {
  return rank(b.severity) - rank(a.severity) || b.alerts - a.alerts || b.count - a.count;
}

function withRoom(groups: readonly DigestGroup[]): readonly DigestGroup[] {
  if (groups.length <= MAX_GROUPS) return groups;
  const others = groups.slice(MAX_GROUPS - 1);
  return [
    ...groups.slice(0, MAX_GROUPS - 1),
    {
      service: OTHERS,
      kind: OTHERS,
      alerts: sum(others.map(({ alerts }) => alerts)),
      count: sum(others.map(({ count }) => count)),
      severity: worstOf(others.map(({ severity }) => severity)),
      ids: others.flatMap(({ ids }) => ids).slice(0, MAX_GROUP_IDS),
    },
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
