/** Messages that nobody could handle wait for somebody who looks at them. */
import { messageOf } from '../../ground/errors.ts';
import { serviceOf } from '../../registry/instance.ts';
import { isAbandoned, openOf, scopeOf } from './find.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import { Pains } from './pains.ts';

const KIND = 'dead-letters';
const WITNESSES = 2;
/** A message is told of before it is in its grave: for so long nothing is made of a grave that is empty, ms. */
const BURIAL_MS = 1_000;

export class DeadLetterSource implements Source {
  readonly #needs: SourcesNeeds;
  readonly #pains: Pains;
  readonly #offs: readonly (() => void)[];
  /** Mailbox → messages buried here since it began to hurt. */
  readonly #buried = new Map<string, number>();
  /** Mailbox → messages dropped here since, because more were dead than are kept. */
  readonly #dropped = new Map<string, number>();

  constructor(needs: SourcesNeeds) {
    this.#needs = needs;
    this.#pains = new Pains(needs);
    this.#offs = [
      needs.events.on('dead', ({ mailbox, count, code }) => this.#bury(mailbox, count, code)),
      needs.events.on('deadDropped', ({ mailbox, count }) => this.#drop(mailbox, count)),
    ];
  }

  /** Looks whether they have been seen to: at those that this node told of, and at what others have left behind. */
  async tick(): Promise<void> {
    const mailboxes = new Set([...this.#pains.keys, ...this.#abandoned()]);
    await Promise.all([...mailboxes].map((mailbox) => this.#look(mailbox)));
  }

  close(): void {
    for (const off of this.#offs) off();
    this.#pains.close();
  }

  #bury(mailbox: string, count: number, code: string): void {
    this.#buried.set(mailbox, (this.#buried.get(mailbox) ?? 0) + count);
    this.#pains.hurts(mailbox, factsOf(mailbox), () => {
      const buried = this.#buried.get(mailbox) ?? count;
      return {
        severity: 'medium',
        message: `${mailbox}: ${buried} messages became dead letters; the last: ${code}`,
        metrics: { messages: buried, code },
        actions: ['look at them, then replay or drop them: deadLetters(contract)'],
      };
    });
  }

  #drop(mailbox: string, count: number): void {
    this.#dropped.set(mailbox, (this.#dropped.get(mailbox) ?? 0) + count);
    this.#pains.hurts(mailbox, factsOf(mailbox), () => {
      const dropped = this.#dropped.get(mailbox) ?? count;
      return {
        severity: 'high',
        message: `${mailbox}: more messages died than are kept: ${dropped} of them are gone for good`,
        metrics: { dropped },
        actions: ['put right what they die of', 'keep more: maxDead of the actor'],
      };
    });
  }

  #abandoned(): string[] {
    const { rank } = this.#needs;
    const left = [...openOf(this.#needs, KIND)].filter((alert) => isAbandoned(alert, this.#needs));
    return left.flatMap((alert) => scopeOf(alert) ?? []).filter((mailbox) => rank(mailbox) < WITNESSES);
  }

  async #look(mailbox: string): Promise<void> {
    if (this.#pains.within(mailbox, BURIAL_MS)) return;
    try {
      const { dead } = await this.#needs.depth(mailbox);
      if (dead > 0) return;
    } catch (thrown) {
      this.#needs.log.debug({ evt: 'depth_failed', mailbox, reason: messageOf(thrown) }, 'a mailbox could not be read');
      return;
    }
    this.#buried.delete(mailbox);
    this.#dropped.delete(mailbox);
    if (!this.#pains.over(mailbox)) this.#needs.signal.clear(factsOf(mailbox));
  }
}

function factsOf(mailbox: string): { kind: string; service: string; scope: string } {
  return { kind: KIND, service: serviceOf(mailbox), scope: mailbox };
}
