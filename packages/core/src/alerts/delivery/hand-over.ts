/** Hands one notice to a handler: with a limit of time, and what the handler may say in return. */
import type { Timers } from '../../ground/clock.ts';
import { HandlerTimeout } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { AckType, AlertDigest, AlertRecord, Notice, RaiseOptions } from '../alert.ts';
import type { AlertContext, AlertHandler } from '../subscriber.ts';
import { alertOf } from './alert-of.ts';

/** What handlers do to an alert, and what delivery says of them. `by` goes to the history. */
export interface DeliveryActions {
  ack(
    id: string,
    type: AckType,
    options: { readonly by: string; readonly eta?: number | undefined; readonly note?: string | undefined },
  ): Promise<unknown>;
  resolve(id: string, options: { readonly by: string; readonly note?: string | undefined }): Promise<unknown>;
  escalate(id: string, reason: string, options: { readonly by: string }): Promise<unknown>;
  raise(options: RaiseOptions): unknown;
  clear(options: Pick<RaiseOptions, 'kind' | 'scope'>): unknown;
  /** A notice of this alert is beyond the flood limit of a human group. Called once per notice and group. */
  flooded?(alertId: string): void;
}

export interface HandOverNeeds {
  readonly handle: AlertHandler;
  /** Who acts when the handler does: the name of the group or the sink. */
  readonly by: string;
  readonly timeoutMs: number;
  readonly actions: DeliveryActions;
  readonly timers: Timers;
  readonly log: Log;
}

export interface Told {
  readonly record: AlertRecord;
  readonly notice: Notice;
  readonly attempt: number;
  readonly digest: AlertDigest | undefined;
}

/** Resolves when it is delivered; rejects with what the handler threw, or with `HandlerTimeout`. */
export function handOver(needs: HandOverNeeds, told: Told): Promise<void> {
  const { handle, by, timeoutMs, timers } = needs;
  const abort = new AbortController();
  return new Promise((resolve, reject) => {
    const cancel = timers.setTimer(timeoutMs, () => {
      const late = new HandlerTimeout(`alert handler ${by}`, timeoutMs);
      // First the verdict, then the signal: what the handler throws at that is no news.
      reject(late);
      abort.abort(late);
    });
    // One that throws at once is as one that rejects.
    const run = async (): Promise<void> =>
      void (await handle(alertOf(told.record), contextOf(needs, told, abort.signal)));
    run().then(resolve, reject).finally(cancel);
  });
}

function contextOf({ by, actions, log }: HandOverNeeds, told: Told, signal: AbortSignal): AlertContext {
  const { record, notice, attempt, digest } = told;
  const { id } = record;
  return {
    notice,
    attempt,
    digest,
    signal,
    log: log.child({ alert: id, notice: notice.n, group: by }),
    ack: async (type = 'received', options = {}) => void (await actions.ack(id, type, { ...options, by })),
    resolve: async (note) => void (await actions.resolve(id, { by, note })),
    escalate: async (reason) => void (await actions.escalate(id, reason, { by })),
  };
}
