/** A joy: so many messages of a mailbox in a row without an error. */
import type { Signal } from './needs.ts';
import { withScope } from './pains.ts';
import type { WorkDone, WorkJudge } from './work.ts';

/** After the first time, it takes so many times as many. */
const GROWTH = 10;

export class ErrorFree implements WorkJudge {
  readonly #signal: Signal;
  readonly #messages: number;
  /** Mailbox → length of the row that is the next joy. */
  readonly #next = new Map<string, number>();

  constructor(signal: Signal, { messages }: { readonly messages: number }) {
    this.#signal = signal;
    this.#messages = messages;
  }

  judge({ mailbox, service, row, failed }: WorkDone): void {
    if (failed > 0) this.#next.delete(mailbox);
    const next = this.#next.get(mailbox) ?? this.#messages;
    if (row < next) return;
    this.#next.set(mailbox, next * GROWTH);
    const said = { message: `${mailbox}: ${row} messages without an error`, metrics: { messages: row } };
    this.#signal.pleasure(withScope({ kind: 'error-free', service, scope: mailbox }, said));
  }
}
