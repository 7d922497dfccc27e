/**
 * What holds a notice back, in the order of the specification: bypass, inhibition, silences, storm, limits. (What comes
 * before is done where a raise enters: it is parsed, qualified, and found by its fingerprint.) Nothing is lost by it: an
 * alert that is held back is kept, counted and asked about again.
 */
import type { AlertRecord } from './alert.ts';
import { rootOf, type Consequence } from './inhibition.ts';
import type { Admission, Moment } from './judgement.ts';
import type { PermitAsk } from '../ports/alerts.ts';
import { policyFor } from './policy.ts';
import { silenceOf, type Silence, type Silenceable } from './silence.ts';

/** Until an alert that follows from another is asked about again, if the other does not end before, ms. */
const RECHECK_MS = 60_000;
/** Limits count the notices of so long, ms. */
const LIMIT_WINDOW_MS = 60_000;

/** What is judged: a raise, or an alert of which something is due. */
export type Attenuable = Silenceable & Consequence & Pick<AlertRecord, 'type'>;

/** What there is beside it. */
export interface Surroundings {
  readonly silences: Iterable<Silence>;
  /** The live alert of this id or fingerprint. */
  readonly find: (reference: string) => AlertRecord | undefined;
  readonly live: Iterable<AlertRecord>;
  /** A storm is on. */
  readonly storming: boolean;
}

/** `ask`: as the backend permits: it is notified if it does, and else as `refused` says. */
export type Attenuation =
  | Admission
  | { readonly kind: 'ask'; readonly ask: PermitAsk; readonly refused: Admission & { readonly kind: 'held' } };

const NOTIFY: Admission = { kind: 'notify' };

/**
 * @param asking `new`: of a condition that is not known; `known`: it is; `told`: it was told before, and has had its
 * place within the limit.
 */
export function attenuate(
  alert: Attenuable,
  asking: 'new' | 'known' | 'told',
  { silences, find, live, storming }: Surroundings,
  { now, policy }: Moment,
): Attenuation {
  const root = alert.bypass || alert.type === 'pleasure' ? undefined : rootOf(alert, find, live, policy);
  if (root !== undefined) {
    return { kind: 'held', by: 'inhibition', until: now + RECHECK_MS, root: root.fingerprint };
  }
  // Of what nobody is told there is nothing to silence; too much of it is counted.
  const isTold = alert.type === 'pleasure' || policyFor(alert, policy).first.length > 0;
  const silence = isTold ? silenceOf(silences, alert, now) : undefined;
  if (silence !== undefined) return { kind: 'held', by: 'silence', until: silence.until };
  if (alert.bypass) return NOTIFY;
  if (storming && isTold) return { kind: 'held', by: 'storm', until: now + policy.storm.calmMs };
  const { perMinute } = policy.severities[alert.severity];
  if (asking === 'told' || perMinute === null) return NOTIFY;
  const { service, nodeId } = alert.source;
  const ask = {
    name: `${service ?? `node ${nodeId}`} ${alert.severity}`,
    limit: perMinute,
    windowMs: LIMIT_WINDOW_MS,
    ...(asking === 'new' ? { burst: policy.burst } : {}),
  };
  return { kind: 'ask', ask, refused: { kind: 'held', by: 'limit', until: now + LIMIT_WINDOW_MS } };
}
