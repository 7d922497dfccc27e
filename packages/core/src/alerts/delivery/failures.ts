/** What becomes known of a handler that fails. */
import { messageOf } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { Alert, AlertRecord } from '../alert.ts';
import { cut, MAX_MESSAGE } from '../bounds.ts';
import type { DeliveryActions } from './hand-over.ts';

export interface Failures {
  failed(record: AlertRecord, attempt: number, thrown: unknown): void;
  succeeded(): void;
  close(): void;
}

/** Kind of the alert about a group whose handler fails. */
const SINK_FAILED = 'sink-failed';
/** Failures in a row that make an alert. */
const FAILURES_IN_A_ROW = 3;

/** Whether the alert is about this very group: whoever cannot hear is not told so. */
export function isAbout(alert: Alert, group: string): boolean {
  return alert.kind === SINK_FAILED && alert.metrics?.['group'] === group;
}

/** A subscription whose handler fails is an alert to the others, until it succeeds again. */
export class SinkFailures implements Failures {
  readonly #group: string;
  readonly #actions: Pick<DeliveryActions, 'raise' | 'clear'>;
  readonly #log: Log;
  #inARow = 0;

  constructor(group: string, actions: Pick<DeliveryActions, 'raise' | 'clear'>, log: Log) {
    this.#group = group;
    this.#actions = actions;
    this.#log = log;
  }

  failed({ id }: AlertRecord, attempt: number, thrown: unknown): void {
    const group = this.#group;
    const reason = messageOf(thrown);
    this.#log.warn({ evt: 'alert_handler_failed', alert: id, group, attempt, reason }, 'it is told again');
    this.#inARow += 1;
    if (this.#inARow !== FAILURES_IN_A_ROW) return;
    const message = cut(`${group} cannot be told of alerts: ${reason}`, MAX_MESSAGE);
    this.#say(() =>
      this.#actions.raise({
        kind: SINK_FAILED,
        severity: 'high',
        scope: group,
        message,
        metrics: { group, failures: FAILURES_IN_A_ROW },
      }),
    );
  }

  succeeded(): void {
    const failing = this.#inARow >= FAILURES_IN_A_ROW;
    this.#inARow = 0;
    if (failing) this.#say(() => this.#actions.clear({ kind: SINK_FAILED, scope: this.#group }));
  }

  /** Who is not asked any more does not fail any more. */
  close(): void {
    this.succeeded();
  }

  #say(act: () => unknown): void {
    const run = async (): Promise<unknown> => await act();
    run().catch((thrown: unknown) =>
      this.#log.error(
        { evt: 'sink_failure_untold', group: this.#group, reason: messageOf(thrown) },
        'that a sink fails, or no longer does, could not be told',
      ),
    );
  }
}

/** Of a unit in pain: that it could not help itself is told by the clock. */
export class UnitFailures implements Failures {
  readonly #unit: string;
  readonly #log: Log;

  constructor(unit: string, log: Log) {
    this.#unit = unit;
    this.#log = log;
  }

  failed({ id }: AlertRecord, attempt: number, thrown: unknown): void {
    this.#log.error(
      { evt: 'pain_handler_failed', alert: id, unit: this.#unit, attempt, reason: messageOf(thrown) },
      'onPain has thrown',
    );
  }

  succeeded(): void {}

  close(): void {}
}
