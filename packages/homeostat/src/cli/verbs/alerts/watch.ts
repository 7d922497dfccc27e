import type { Alert, AlertDigest, Notice } from '@homeostat/core';
import { describeMoment } from '../../duration.ts';
import { line } from '../../print.ts';
import type { Action } from './action.ts';
import { LEVELS, SEVERITIES } from './words.ts';

/** No group has this name: whatever else hurts, its failing included, is shown. */
const NAME = 'homeostat alerts watch';

/** What comes line by line has no widest cell, but words of known length. */
const WIDTH = { severity: 'critical'.length, why: 'escalated'.length, levels: 's5 s3 s1'.length } as const;

export const watch: Action = {
  name: 'watch',
  synopses: ['alerts watch [--level <level>] [--min-severity <severity>]'],
  takes: ['level', 'min-severity'],
  plan(given) {
    given.words('watch');
    const level = given.choice('level', LEVELS);
    const minSeverity = given.choice('min-severity', SEVERITIES);
    return async ({ node, say, untilInterrupted }) => {
      const interrupted = untilInterrupted();
      const shown = node.alerts.subscribe(
        { level, minSeverity },
        (alert, { notice, digest }) => say({ data: { alert, notice, digest }, text: describe(alert, notice, digest) }),
        { mode: 'broadcast', name: NAME, onlooker: true },
      );
      await interrupted;
      await shown.close();
      return undefined;
    };
  },
};

function describe(alert: Alert, { at, why, to }: Notice, digest: AlertDigest | undefined): string {
  const { id, severity, source, kind, message } = alert;
  const words = digest === undefined ? message : summary(digest);
  const told = [severity.padEnd(WIDTH.severity), why.padEnd(WIDTH.why), to.join(' ').padEnd(WIDTH.levels)];
  return line([describeMoment(at), ...told, id, source.service, kind, words]);
}

/** `57 alerts: 40 disk-slow of orders, 17 timeout of users`. */
function summary({ total, groups }: AlertDigest): string {
  const parts = groups.map(({ alerts, kind, service }) => `${alerts} ${kind}${service === '' ? '' : ` of ${service}`}`);
  return `${total} alerts: ${parts.join(', ')}`;
}
