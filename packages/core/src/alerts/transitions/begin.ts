/** An alert begins. */
import type { AlertRecord, Raised } from '../alert.ts';
import type { Admission, Moment } from '../judgement.ts';
import { policyFor } from '../policy.ts';
import { withAttenuated, withHistory, withNotice } from './record.ts';
import { tellOrHold, toFirst } from './tell.ts';
import { withTimer } from './timer.ts';

export function begun(raised: Raised, admission: Admission, moment: Moment, id: string): AlertRecord {
  const { type, severity, kind, message, source, fingerprint, metrics, impact, actions, tags, causedBy } = raised;
  const { bypass, at, lastAt = at, count, token, reporter } = raised;
  const fresh: AlertRecord = {
    id,
    type,
    severity,
    source,
    kind,
    message,
    metrics,
    impact,
    actions,
    tags,
    fingerprint,
    causedBy,
    state: 'open',
    level: 's1',
    count,
    flaps: 0,
    firstAt: at,
    lastAt,
    reporters: [reporter],
    attenuated: {},
    notices: [],
    history: [],
    reached: {},
    noticed: 0,
    repeats: 0,
    active: [reporter],
    tokens: [token],
    bypass,
  };
  const noted = withAttenuated(withHistory(fresh, 'raised', { ...moment, by: reporter }), 'duplicate', count - 1);
  const told =
    type === 'pain'
      ? tellOrHold(noted, toFirst(noted, 'raised', moment), admission, moment)
      : pleased(noted, admission, moment);
  return withTimer(told, moment);
}

/** Needs nobody to act: it is told once, to all who care, and is over. */
function pleased(record: AlertRecord, admission: Admission, moment: Moment): AlertRecord {
  const over: AlertRecord = { ...record, state: 'resolved', resolvedAt: moment.now, active: [] };
  if (admission.kind === 'held') return withAttenuated(over, admission.by, 1);
  const to = new Set([...policyFor(record, moment.policy).first, 's3', 's4', 's5'] as const);
  return withNotice(over, [...to], 'raised', moment.now);
}
