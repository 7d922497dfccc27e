/**
 * Looks at the mailboxes that this node serves. Those that scale are read anyway. Of the others only those are read whose
 * places are all taken, or that already hurt: where nothing hurts, nothing is asked.
 */
import { messageOf } from '../../ground/errors.ts';
import type { LagGrowing } from './lag-growing.ts';
import type { MailboxLevels } from './mailbox-level.ts';
import type { ServedMailbox, Source, SourcesNeeds } from './needs.ts';

/** Mailboxes that are read at one look; the others have their turn at the next. */
const MOST_READ = 32;

export class Depths implements Source {
  readonly #needs: SourcesNeeds;
  readonly #levels: MailboxLevels | undefined;
  readonly #lags: LagGrowing | undefined;
  #mailboxes = new Set<string>();
  #turn = 0;

  constructor(needs: SourcesNeeds, levels: MailboxLevels | undefined, lags: LagGrowing | undefined) {
    this.#needs = needs;
    this.#levels = levels;
    this.#lags = lags;
  }

  async tick(): Promise<void> {
    if (this.#levels === undefined && this.#lags === undefined) return;
    const all = [...this.#needs.served()];
    this.#forget(new Set(all.map(({ mailbox }) => mailbox)));
    const unread: ServedMailbox[] = [];
    for (const served of all) {
      const numbers = this.#needs.numbers(served.mailbox);
      if (numbers !== undefined) this.#seen(served, numbers.depth);
      else if (served.saturated || this.#levels?.hurting(served.mailbox) === true) unread.push(served);
      else this.#lags?.unseen(served.mailbox);
    }
    await Promise.all(this.#inTurn(unread).map((served) => this.#read(served)));
  }

  close(): void {
    this.#lags?.close();
  }

  /** What is not served any more. */
  #forget(served: Set<string>): void {
    for (const mailbox of this.#mailboxes) {
      if (served.has(mailbox)) continue;
      this.#levels?.gone(mailbox);
      this.#lags?.gone(mailbox);
    }
    this.#mailboxes = served;
  }

  #inTurn(unread: readonly ServedMailbox[]): readonly ServedMailbox[] {
    if (unread.length <= MOST_READ) return unread;
    const from = this.#turn % unread.length;
    this.#turn = from + MOST_READ;
    return [...unread.slice(from), ...unread.slice(0, from)].slice(0, MOST_READ);
  }

  async #read(served: ServedMailbox): Promise<void> {
    try {
      this.#seen(served, await this.#needs.depth(served.mailbox));
    } catch (thrown) {
      const { mailbox } = served;
      this.#needs.log.debug({ evt: 'depth_failed', mailbox, reason: messageOf(thrown) }, 'a mailbox could not be read');
    }
  }

  #seen(served: ServedMailbox, depth: Parameters<MailboxLevels['seen']>[1]): void {
    this.#levels?.seen(served, depth);
    this.#lags?.seen(served, depth, this.#needs.numbers(served.mailbox), this.#needs.timers.clock.elapsed());
  }
}
