/** What the tests of alerts say to a peer's store. */
import type { CommitResult, SlotChange } from '../../ports/alerts.ts';
import type { NewsItem } from '../../ports/membership.ts';
import type { Peer } from './peer.ts';

/** Moments are given to the port: any will do. */
export const NOW: number = 1_600_000_000_000;

type Change = Partial<SlotChange>;

function change(given: Change): SlotChange {
  return { fingerprint: 'f', expected: 0, body: {}, alertId: 'alert', event: 'raised', ...given };
}

export function results(peer: Peer, ...given: Change[]): Promise<readonly CommitResult[]> {
  return peer.link.alerts.commit(given.map(change));
}

/** Commits and insists on it; resolves with the revision. */
export async function commit(peer: Peer, given: Change): Promise<number> {
  const [result] = await results(peer, given);
  if (result?.kind !== 'committed') throw new Error(`${peer.name}: the change was answered ${JSON.stringify(result)}`);
  return result.revision;
}

export async function due(peer: Peer, now: number, limit = 100): Promise<[readonly string[], number | undefined]> {
  const { fingerprints, nextAt } = await peer.link.alerts.due(now, limit);
  return [fingerprints, nextAt];
}

/** Each item once, in order. */
export function told(items: readonly NewsItem[]): readonly NewsItem[] {
  return [...new Map(items.map((item) => [item.seq, item])).values()];
}
