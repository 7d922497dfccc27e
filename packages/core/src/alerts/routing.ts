/** Whether anybody hears what is to be told; what nobody hears is said once, where it cannot be missed. */
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Alert, AlertLevel, AlertRecord, Notice } from './alert.ts';
import { alertOf } from './delivery/alert-of.ts';
import type { Change } from './judgement.ts';
import { unrouted } from './transitions.ts';

export interface RoutingNeeds {
  readonly log: Log;
  /** Whether somebody on any node has subscribed to one of these levels. */
  anybodyHears(levels: readonly AlertLevel[], alert: Alert): boolean;
  /** Told of what nobody hears. */
  fallback?: ((alert: Alert) => unknown) | undefined;
}

export class Routing {
  readonly #needs: RoutingNeeds;
  #unrouted = 0;

  constructor(needs: RoutingNeeds) {
    this.#needs = needs;
  }

  /** Alerts that nobody heard when this node told them. */
  get unrouted(): number {
    return this.#unrouted;
  }

  /** Marks what nobody hears, before it is written. */
  finish(change: Change, before: AlertRecord | undefined): Change {
    const { record } = change;
    if (record === undefined || record.unrouted === true || record.type === 'pleasure') return change;
    const notice = newNotice(record, before);
    if (notice === undefined || this.#needs.anybodyHears(notice.to, alertOf(record))) return change;
    // That a unit does not listen is nothing special: the next level is told when its time is up.
    if (record.timer === 'autonomy') return change;
    return { ...change, record: unrouted(record) };
  }

  /** It is written. */
  committed({ record }: Change, before: AlertRecord | undefined): void {
    if (record?.unrouted !== true || (before?.id === record.id && before.unrouted === true)) return;
    this.#unrouted += 1;
    const { id, severity, kind, source, level } = record;
    this.#needs.log.error({ evt: 'alert_unrouted', id, severity, kind, source, level }, record.message);
    try {
      const answer = this.#needs.fallback?.(alertOf(record));
      if (answer instanceof Promise) answer.catch((thrown: unknown) => this.#fallbackFailed(thrown));
    } catch (thrown) {
      this.#fallbackFailed(thrown);
    }
  }

  #fallbackFailed(thrown: unknown): void {
    this.#needs.log.error({ evt: 'alert_hook_failed', reason: messageOf(thrown) }, 'the fallback of alerts threw');
  }
}

/** What is to be told now that was not before. */
function newNotice(record: AlertRecord, before: AlertRecord | undefined): Notice | undefined {
  const known = before?.id === record.id ? before.noticed : 0;
  return record.noticed > known ? record.notices.at(-1) : undefined;
}
