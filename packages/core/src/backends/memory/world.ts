import type { NodeReport } from '../../membership.ts';
import type { Timers } from '../../clock.ts';
import { DueSet } from './due-set.ts';
import type { Inbox } from './inbox.ts';
import { Mailbox } from './mailbox.ts';

/** What the world knows of one member. Only who is in `World.members` may change anything. */
export interface MemberRecord {
  readonly id: string;
  readonly inbox: Inbox;
  /** Mailbox → this producer's last number and the entry it became. */
  readonly producers: Map<string, { readonly number: number; readonly id: string }>;
  /** Raised by every beat. */
  beats: number;
  /** When it last beat, on the clock's `elapsed()`, ms. */
  beatAt: number;
  report: NodeReport | undefined;
}

/** What all nodes of one backend object and namespace share. */
export class World {
  readonly timers: Timers;
  readonly due: DueSet;
  readonly members: Map<string, MemberRecord> = new Map();
  readonly #mailboxes = new Map<string, Mailbox>();
  #links = 0;

  constructor(timers: Timers) {
    this.timers = timers;
    this.due = new DueSet(timers);
  }

  mailbox(name: string): Mailbox {
    let mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined) {
      mailbox = new Mailbox(name, this.timers, this.due);
      this.#mailboxes.set(name, mailbox);
    }
    return mailbox;
  }

  /** Takes the member off the list first: from here on everything it sends is refused. Then frees what it held. */
  remove(id: string, how: 'left' | 'died'): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    member.inbox.close();
    for (const mailbox of this.#mailboxes.values()) mailbox.release(id, how === 'died');
  }

  /** With every beat: moves what is due and asks again whoever has had no room. */
  pulse(): void {
    this.due.move();
    for (const mailbox of this.#mailboxes.values()) mailbox.ring();
  }

  linkOpened(): void {
    this.#links += 1;
    if (this.#links === 1) this.due.arm();
  }

  /** A world that nobody is linked to holds no timer. */
  linkClosed(): void {
    this.#links -= 1;
    if (this.#links === 0) this.due.rest();
  }
}
