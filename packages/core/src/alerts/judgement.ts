/** What the state machine takes and gives. */
import type { AlertEvent, AlertRecord, HeldBy } from './alert.ts';
import type { AlertPolicy } from './policy.ts';

export interface Moment {
  /** Backend time, ms. */
  readonly now: number;
  readonly policy: AlertPolicy;
  /** Who does it: node id, or a name. */
  readonly by: string;
}

/** Whether a notice may go out; asked only when there is one to give. */
export type Admission =
  | { readonly kind: 'notify' }
  /** `until`: when to ask again (backend time, ms). `root`: fingerprint of the alert that it follows from. */
  | { readonly kind: 'held'; readonly by: HeldBy; readonly until: number; readonly root?: string | undefined };

/** One step of an alert. */
export interface Change {
  /** Undefined: the slot is emptied. */
  readonly record: AlertRecord | undefined;
  readonly event: AlertEvent;
  /** An alert that is over: goes to the archive. */
  readonly archived?: AlertRecord | undefined;
}
