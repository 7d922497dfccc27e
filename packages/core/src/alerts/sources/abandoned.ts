/** What only a node itself could see hurts nobody any more once that node is gone; its death is a pain of its own. */
import { factsOf, isAbandoned } from './find.ts';
import type { Source, SourcesNeeds } from './needs.ts';

/** Seen by those who raise them, and by nobody else. What lasts without them is looked after by its own source. */
const SEEN_BY_ONE: ReadonlySet<string> = new Set([
  'auth-failures',
  'check-failed',
  'config-rejected',
  'error-rate',
  'event-loop',
  'lag-growing',
  'mailbox-filling',
  'mailbox-full',
  'process-connections',
  'process-cpu',
  'process-memory',
  'redis-full',
  'response-time',
  'retry-budget',
  'service-failing',
  'worker-crash-loop',
]);

/** So many clear them, in case that one of them hangs. */
const WITNESSES = 2;

export function abandonedSource(needs: SourcesNeeds): Source {
  const { signal, alerts, rank } = needs;
  return {
    tick: () => {
      for (const alert of [...alerts()]) {
        if (alert.state === 'resolved' || !SEEN_BY_ONE.has(alert.kind) || !isAbandoned(alert, needs)) continue;
        if (rank(alert.fingerprint) < WITNESSES) signal.clear(factsOf(alert));
      }
    },
  };
}
