/** One mailbox that this node reads: what is in hand, what is under way, and which reader it belongs to. */
import type { OwnedClaim } from './claims.ts';
import type { Intake, Log, MailboxLimits } from './core.ts';
import type { MailboxKeys } from './keys.ts';
import type { BlockingReader } from './reader.ts';

export class Mailbox {
  readonly name: string;
  readonly keys: MailboxKeys;
  readonly limits: MailboxLimits;
  readonly #intake: Intake;
  readonly #log: Log;
  /** What is in this node's hands: a sweep must not hand it out again. */
  readonly held: Map<string, OwnedClaim>;
  reader: BlockingReader | undefined;
  /** COUNT of the blocking read it is part of right now; 0 = of none. */
  armed = 0;
  /** Claimed, but not yet handed over: counts against the room. */
  handing = 0;
  /** Something else claims for it right now; blocking reads leave it out. */
  busy: 'poll' | 'adopt' | 'sweep' | undefined;
  #idle: (() => void)[] = [];
  /** The answer of a claim may have been lost: entries may be pending for us that we do not know of. */
  needsSweep = false;
  /** May hold entries of non-members, which come before new ones. */
  orphaned = false;
  /** Its key holds no stream of ours; tried again after this moment (performance.now). */
  brokenUntil = 0;
  closed = false;
  /** When it last brought something (performance.now). */
  activeAt = 0;

  constructor(
    name: string,
    keys: MailboxKeys,
    limits: MailboxLimits,
    intake: Intake,
    held: Map<string, OwnedClaim>,
    log: Log,
  ) {
    this.name = name;
    this.keys = keys;
    this.limits = limits;
    this.#intake = intake;
    this.held = held;
    this.#log = log;
  }

  /** How many more frames may be claimed. */
  room(): number {
    return this.closed ? 0 : Math.max(0, Math.floor(this.#intake.room()) - this.handing);
  }

  /** Hands over claims that are not in hand yet. What was adopted was in nobody's hands, whatever is remembered here. */
  accept(claims: readonly OwnedClaim[], how: 'read' | 'adopted'): void {
    const fresh: OwnedClaim[] = [];
    for (const claim of claims) {
      if (how === 'read' && this.held.has(claim.id)) continue;
      this.held.set(claim.id, claim);
      fresh.push(claim);
    }
    if (fresh.length === 0) return;
    this.activeAt = performance.now();
    try {
      this.#intake.take(fresh);
    } catch (error) {
      this.#log.error({ mailbox: this.name, err: error }, 'the intake of a mailbox threw; its claims stay pending');
    }
  }

  begin(what: 'poll' | 'adopt' | 'sweep'): void {
    this.busy = what;
  }

  end(): void {
    this.busy = undefined;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resume of waiting) resume();
  }

  /** Resolves when nothing else claims for it. */
  async idle(): Promise<void> {
    while (this.busy !== undefined) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
