/** How full mailboxes are: those that this node serves and looks at, and those that refuse what it sends. */
import { messageOf } from '../../ground/errors.ts';
import type { MailboxDepth, MailboxLimits } from '../../ports/broker.ts';
import { serviceOf } from '../../registry/instance.ts';
import type { ConditionFacts, ServedMailbox, Source, SourcesNeeds } from './needs.ts';
import { Pains } from './pains.ts';

/** What a mailbox holds, and what it may hold. */
export type Level = Pick<MailboxDepth, 'messages' | 'bytes'> & MailboxLimits;

type Kind = 'mailbox-filling' | 'mailbox-full';

/** What is too full is so until it holds less than this part of the mark: so that it does not flicker. */
const RELEASE = 0.9;

export class MailboxLevels implements Source {
  readonly #needs: SourcesNeeds;
  readonly #filling: number;
  readonly #pains: Pains;
  /** Of mailboxes that hurt here and that this node does not serve. */
  readonly #refusing = new Map<string, MailboxLimits>();

  /** @param filling part of what a mailbox may hold that is worth a word. */
  constructor(needs: SourcesNeeds, { filling }: { readonly filling: number }) {
    this.#needs = needs;
    this.#filling = filling;
    this.#pains = new Pains(needs);
  }

  /** A mailbox has refused what this node sent. */
  refused(mailbox: string, level: Level): void {
    this.#refusing.set(mailbox, level);
    this.#hurts('mailbox-full', mailbox, level);
  }

  /** A mailbox that this node serves was looked at. */
  seen({ mailbox, maxLength, maxBytes }: ServedMailbox, { messages, bytes }: MailboxDepth): void {
    this.#refusing.delete(mailbox);
    this.#judge(mailbox, { messages, bytes, maxLength, maxBytes });
  }

  /** Whether it hurts here, so that somebody has to look when that is over. */
  hurting(mailbox: string): boolean {
    return this.#pains.has(keyOf('mailbox-full', mailbox)) || this.#pains.has(keyOf('mailbox-filling', mailbox));
  }

  /** This node does not serve it any more. */
  gone(mailbox: string): void {
    this.#pains.over(keyOf('mailbox-full', mailbox));
    this.#pains.over(keyOf('mailbox-filling', mailbox));
  }

  async tick(): Promise<void> {
    await Promise.all([...this.#refusing].map(([mailbox, limits]) => this.#ask(mailbox, limits)));
  }

  close(): void {
    this.#pains.close();
  }

  async #ask(mailbox: string, { maxLength, maxBytes }: MailboxLimits): Promise<void> {
    try {
      const { messages, bytes } = await this.#needs.depth(mailbox);
      this.#judge(mailbox, { messages, bytes, maxLength, maxBytes });
    } catch (thrown) {
      this.#needs.log.debug({ evt: 'depth_failed', mailbox, reason: messageOf(thrown) }, 'a mailbox could not be read');
    }
  }

  #judge(mailbox: string, level: Level): void {
    const part = partOf(level);
    this.#hold('mailbox-full', mailbox, level, part, 1);
    this.#hold('mailbox-filling', mailbox, level, part, this.#filling);
    if (!this.hurting(mailbox)) this.#refusing.delete(mailbox);
  }

  #hold(kind: Kind, mailbox: string, level: Level, part: number, mark: number): void {
    if (part >= mark) this.#hurts(kind, mailbox, level);
    else if (part < mark * RELEASE) this.#pains.over(keyOf(kind, mailbox));
  }

  #hurts(kind: Kind, mailbox: string, level: Level): void {
    const { messages, maxLength, bytes, maxBytes } = level;
    this.#pains.hurts(keyOf(kind, mailbox), factsOf(kind, mailbox), () => ({
      severity: kind === 'mailbox-full' ? 'high' : 'medium',
      message: `${mailbox} ${kind === 'mailbox-full' ? 'is full' : `is ${Math.floor(partOf(level) * 100)} % full`}: ${messages} of ${maxLength} messages, ${bytes} of ${maxBytes} bytes`,
      metrics: { messages, maxLength, bytes, maxBytes },
      actions: ['add nodes', 'raise maxLength or maxBytes of the actor'],
    }));
  }
}

function partOf({ messages, maxLength, bytes, maxBytes }: Level): number {
  return Math.max(messages / maxLength, bytes / maxBytes);
}

function keyOf(kind: Kind, mailbox: string): string {
  return `${kind} ${mailbox}`;
}

function factsOf(kind: Kind, mailbox: string): ConditionFacts {
  return { kind, service: serviceOf(mailbox), scope: mailbox };
}
