/** What the actions of `homeostat alerts` take; some of it several of them. */
import type { Option } from '../../verb.ts';

export const DEFAULT_LIMIT: number = 100;

export type OptionName =
  | 'severity'
  | 'service'
  | 'kind'
  | 'tag'
  | 'state'
  | 'since'
  | 'limit'
  | 'note'
  | 'eta'
  | 'false-alarm'
  | 'reason'
  | 'for'
  | 'force'
  | 'window'
  | 'level'
  | 'min-severity'
  | 'message'
  | 'replace';

export const OPTIONS: Readonly<Record<OptionName, Option>> = {
  severity: { value: '<severity>', says: 'critical, high, medium or low; raise: default medium' },
  service: { value: '<service>', says: 'Of this service; clear: without it, of none' },
  kind: { value: '<kind>', says: 'Of this kind; silence: disk-* stands for all that begin so' },
  tag: { value: '<tag>', says: 'silence: those that have this tag' },
  state: {
    value: '<state>',
    says: 'list: open, acked, cleared-unacked, resolved, all or active (the default: all but resolved)',
  },
  since: { value: '<time>', says: 'list: raised within the last 30m, 2h, 1d' },
  limit: { value: '<count>', says: `list: at most so many (default ${DEFAULT_LIMIT})` },
  note: { value: '<text>', says: 'ack, resolve: what there is to say, for the history' },
  eta: { value: '<time>', says: 'ack: over within 20m, 2h; else it is open again (default: as the policy says)' },
  'false-alarm': { says: 'resolve: there was nothing to it' },
  reason: { value: '<text>', says: 'escalate, silence: why' },
  for: { value: '<time>', says: 'silence: for 30m, 2h, 1d; at most 31d' },
  force: { says: 'silence: also what is critical' },
  window: { value: '<time>', says: 'stats: over the last 1h, 7d (default 24h)' },
  level: { value: '<level>', says: 'watch: notices for s1, s3, s4 or s5 (default: for all)' },
  'min-severity': { value: '<severity>', says: 'watch: at least so severe' },
  message: { value: '<text>', says: 'raise: what hurts, for people' },
  replace: { says: 'configure: whatever else was set live is taken back' },
};
