import type { Link } from '../../backend.ts';
import type { AppendResult, Claim, MailboxDepth, MailboxLimits, Settlement, SettleResult } from '../../broker.ts';
import type { NodeReport } from '../../membership.ts';
import { waitFor } from '../wait-for.ts';
import { Basket, bytesOf, textOf } from './basket.ts';
import { DEADLINE_MS, WIDE } from './times.ts';

export interface AppendOptions {
  readonly number?: number;
  /** Envelopes in the frame; default 1. */
  readonly count?: number;
  readonly at?: number;
}

/** One node on the stage: a link with a membership, and everything that came to it. */
export class Peer {
  readonly name: string;
  readonly link: Link;
  readonly inbox: string[] = [];
  readonly evictions: string[] = [];
  /** What its report says it serves. */
  serves: Record<string, readonly string[]> = {};
  id = '';
  readonly #numbers = new Map<string, number>();

  constructor(name: string, link: Link) {
    this.name = name;
    this.link = link;
  }

  async join(): Promise<string> {
    this.#numbers.clear();
    this.id = await this.link.membership.join(() => this.#report(), {
      evicted: (reason) => this.evictions.push(reason),
      inbox: (frames) => this.inbox.push(...frames.map(textOf)),
    });
    return this.id;
  }

  /** Appends a frame of that text under this producer's next number. */
  append(mailbox: string, text: string, options: AppendOptions = {}): Promise<AppendResult> {
    const number = options.number ?? (this.#numbers.get(mailbox) ?? 0) + 1;
    this.#numbers.set(mailbox, number);
    const at = options.at === undefined ? undefined : { at: options.at };
    return this.link.broker.append({ mailbox, number, frame: bytesOf(text), count: options.count ?? 1, ...at });
  }

  /** Appends and insists on acceptance; resolves with the entry's id. */
  async send(mailbox: string, text: string, options: AppendOptions = {}): Promise<string> {
    const result = await this.append(mailbox, text, options);
    if (result.kind !== 'accepted')
      throw new Error(`${this.name}: the append of "${text}" to ${mailbox} was answered ${result.kind}`);
    return result.id;
  }

  async consume(
    mailbox: string,
    options: { readonly room?: number; readonly limits?: MailboxLimits } = {},
  ): Promise<Basket> {
    const basket = new Basket(`${this.name} on ${mailbox}`, options.room ?? 100);
    basket.reader = await this.link.broker.consume(mailbox, options.limits ?? WIDE, {
      room: () => basket.room,
      take: (claims) => basket.take(claims),
    });
    return basket;
  }

  settle(...batch: Settlement[]): Promise<readonly SettleResult[]> {
    return this.link.broker.settle(batch);
  }

  done(...claims: Claim[]): Promise<readonly SettleResult[]> {
    return this.settle(...claims.map((claim) => ({ kind: 'done' as const, claim })));
  }

  /** Resolves once the mailbox counts as `fits` says. */
  async depth(mailbox: string, what: string, fits: (depth: MailboxDepth) => boolean): Promise<MailboxDepth> {
    return waitFor(
      async () => {
        const depth = await this.link.broker.depth(mailbox);
        return fits(depth) ? depth : undefined;
      },
      { withinMs: DEADLINE_MS, what: `${mailbox} to have ${what}` },
    );
  }

  async isListed(id: string): Promise<boolean> {
    return (await this.link.membership.members()).some((member) => member.id === id);
  }

  /** Resolves once the node is on nobody's list any more. */
  async missing(id: string): Promise<void> {
    await waitFor(async () => !(await this.isListed(id)), {
      withinMs: DEADLINE_MS,
      what: `${id} to be taken off the list`,
    });
  }

  /** Falls silent: the link ends without a word to the others. */
  async die(): Promise<void> {
    await this.link.close();
  }

  #report(): NodeReport {
    return {
      name: this.name,
      pid: process.pid,
      host: 'here',
      startedAt: 1,
      status: 'healthy',
      serves: this.serves,
      inFlight: 0,
      serviceMs: {},
    };
  }
}
