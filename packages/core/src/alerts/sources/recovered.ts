/** A joy: what was critical is over, by itself. */
import type { AlertRecord } from '../alert.ts';
import { factsOf } from './find.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import { withScope } from './pains.ts';

export function recoveredSource(needs: SourcesNeeds): Source {
  const { signal, onAlert, rank } = needs;
  const off = onAlert(({ before, after }) => {
    if (before === undefined || after === undefined) return;
    // Everybody sees it; one tells.
    if (!hasRecovered(before, after) || rank(after.fingerprint) !== 0) return;
    const { kind, service, method } = factsOf(after);
    const what = [service, method].filter((name) => name !== undefined).join('.');
    const lastedMs = Math.max(0, Math.round(after.lastAt - after.firstAt));
    signal.pleasure(
      withScope(
        { kind: 'recovered', service, method, scope: after.fingerprint },
        {
          message: `${what === '' ? '' : `${what}: `}${kind} was critical, and is over`,
          metrics: { kind, alert: after.id, count: after.count, lastedMs },
        },
      ),
    );
  });
  return { close: off };
}

function hasRecovered(before: AlertRecord, after: AlertRecord): boolean {
  if (after.type !== 'pain' || after.severity !== 'critical') return false;
  if (before.state !== 'open' && before.state !== 'acked') return false;
  return after.state === 'cleared-unacked' || (after.state === 'resolved' && after.resolution === 'cleared');
}
