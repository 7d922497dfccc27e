/** Messages wait in a mailbox that nobody serves. */
import { messageOf } from '../../ground/errors.ts';
import type { InstanceEvent } from '../../node/events.ts';
import { serviceOf } from '../../registry/instance.ts';
import { isAbandoned, openOf, scopeOf } from './find.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import { Pains } from './pains.ts';

const KIND = 'no-consumers';
/** So many look, in case that one of them hangs. */
const WITNESSES = 2;

export class NoConsumers implements Source {
  readonly #needs: SourcesNeeds;
  readonly #pains: Pains;
  /** Mailbox → the number of what this node had sent there when it last looked. */
  readonly #sent = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  readonly #offs: readonly (() => void)[];

  /** @param goneMs how long the last instance may be gone before somebody looks. */
  constructor(needs: SourcesNeeds, { goneMs }: { readonly goneMs: number }) {
    this.#needs = needs;
    this.#pains = new Pains(needs);
    const gone = (event: InstanceEvent): void => this.#gone(mailboxOf(event), goneMs);
    this.#offs = [
      needs.events.on('deregistered', gone),
      needs.events.on('expired', gone),
      needs.events.on('registered', (event) => this.#came(mailboxOf(event))),
    ];
  }

  /** Looks again at what was empty-handed, at what others have left behind, and at where something was sent to nobody. */
  async tick(): Promise<void> {
    const mailboxes = new Set([...this.#pains.keys, ...this.#abandoned(), ...this.#sentToNobody()]);
    await Promise.all([...mailboxes].map((mailbox) => this.#look(mailbox)));
  }

  close(): void {
    for (const off of this.#offs) off();
    for (const cancel of this.#waiting) cancel();
    this.#pains.close();
  }

  #gone(mailbox: string, goneMs: number): void {
    if (this.#needs.isServed(mailbox)) return;
    const cancel = this.#needs.timers.setTimer(goneMs, () => {
      this.#waiting.delete(cancel);
      if (this.#needs.rank(mailbox) < WITNESSES) void this.#look(mailbox);
    });
    this.#waiting.add(cancel);
  }

  #came(mailbox: string): void {
    if (this.#pains.over(mailbox)) return;
    for (const alert of openOf(this.#needs, KIND))
      if (scopeOf(alert) === mailbox) this.#needs.signal.clear(factsOf(mailbox));
  }

  #abandoned(): string[] {
    const { rank } = this.#needs;
    const left = [...openOf(this.#needs, KIND)].filter((alert) => isAbandoned(alert, this.#needs));
    return left.flatMap((alert) => scopeOf(alert) ?? []).filter((mailbox) => rank(mailbox) < WITNESSES);
  }

  #sentToNobody(): string[] {
    const lonely: string[] = [];
    for (const [mailbox, frames] of this.#needs.sentTo()) {
      if (this.#sent.get(mailbox) === frames) continue;
      this.#sent.set(mailbox, frames);
      if (!this.#needs.isServed(mailbox)) lonely.push(mailbox);
    }
    return lonely;
  }

  async #look(mailbox: string): Promise<void> {
    const { isServed, depth, log } = this.#needs;
    if (isServed(mailbox)) return this.#came(mailbox);
    try {
      const { messages } = await depth(mailbox);
      if (isServed(mailbox) || messages === 0) return this.#came(mailbox);
      this.#pains.hurts(mailbox, factsOf(mailbox), () => ({
        severity: 'high',
        message: `${mailbox}: ${messages} messages wait, and no node serves it`,
        metrics: { messages },
        actions: ['start a node that serves it'],
      }));
    } catch (thrown) {
      log.debug({ evt: 'depth_failed', mailbox, reason: messageOf(thrown) }, 'a mailbox could not be read');
    }
  }
}

function mailboxOf({ service, version }: InstanceEvent): string {
  return `${service}@${version.slice(0, version.indexOf('.'))}`;
}

function factsOf(mailbox: string): { kind: string; service: string; scope: string } {
  return { kind: KIND, service: serviceOf(mailbox), scope: mailbox };
}
