/** One mailbox that this node reads: what is in hand, what is under way, and which reader it belongs to. */
import type { OwnedClaim } from './claims.ts';
import type { Intake, Log, MailboxLimits } from './core.ts';
import type { MailboxKeys } from './keys.ts';
import type { BlockingReader } from './reader.ts';

export interface MailboxParts {
  readonly name: string;
  readonly keys: MailboxKeys;
  readonly limits: MailboxLimits;
  readonly intake: Intake;
  /** What is in this node's hands: a sweep must not hand it out again. */
  readonly held: Map<string, OwnedClaim>;
  readonly log: Log;
}

export class Mailbox {
  readonly name: string;
  readonly keys: MailboxKeys;
  readonly limits: MailboxLimits;
  readonly intake: Intake;
  readonly held: Map<string, OwnedClaim>;
  /** The mailbox beside which this one is: it holds what is for this node alone, into the same intake. */
  readonly shared: Mailbox | undefined;
  readonly #log: Log;
  /** What is beside this one for this node alone. */
  #own: Mailbox | undefined;
  /** What is read for it, in the order in which it is read: what is for this node alone comes first. */
  parts: readonly Mailbox[] = [this];
  reader: BlockingReader | undefined;
  /** COUNT of the blocking read it is part of right now; 0 = of none. */
  armed = 0;
  /** Claimed, but not yet handed over: counts against the room. */
  handing = 0;
  #busy: 'poll' | 'adopt' | 'sweep' | undefined;
  #idle: (() => void)[] = [];
  /** Room returned while something else claimed for it. */
  woken = false;
  /** The answer of a claim may have been lost: entries may be pending for us that we do not know of. */
  needsSweep = false;
  /** May hold entries of non-members, which come before new ones. */
  orphaned = false;
  /** For this node alone, and not seen empty yet: it is asked before its shared one is read again. */
  ahead = false;
  /** Its key holds no stream of ours; tried again after this moment (performance.now). */
  brokenUntil = 0;
  closed = false;
  /** When it last brought something (performance.now). */
  activeAt = 0;

  constructor({ name, keys, limits, intake, held, log }: MailboxParts, shared?: Mailbox) {
    this.name = name;
    this.keys = keys;
    this.limits = limits;
    this.intake = intake;
    this.held = held;
    this.#log = log;
    this.shared = shared;
  }

  get own(): Mailbox | undefined {
    return this.#own;
  }

  /** From now on `own` is read with this one. */
  adjoin(own: Mailbox): void {
    this.#own = own;
    own.reader = this.reader;
    own.ahead = true;
    this.parts = [own, this];
  }

  /** The member that `own` was for is no more. */
  disjoin(): void {
    if (this.#own !== undefined) this.#own.closed = true;
    this.#own = undefined;
    this.parts = [this];
  }

  /** How many more frames may be claimed. */
  room(): number {
    return this.closed ? 0 : Math.max(0, Math.floor(this.intake.room()) - this.handing - (this.#partner?.handing ?? 0));
  }

  /** How many one claim may ask for when there is `room`: what reads under way may bring is left out, but never all of it. */
  share(room: number): number {
    return Math.max(1, room - this.armed - (this.#partner?.armed ?? 0));
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
    if (this.shared !== undefined) this.shared.activeAt = this.activeAt;
    try {
      this.intake.take(fresh);
    } catch (error) {
      this.#log.error({ mailbox: this.name, err: error }, 'the intake of a mailbox threw; its claims stay pending');
    }
  }

  /** Something else claims for it, or for its shared one, right now; blocking reads leave it out. */
  get busy(): 'poll' | 'adopt' | 'sweep' | undefined {
    return this.shared === undefined ? this.#busy : this.shared.busy;
  }

  begin(what: 'poll' | 'adopt' | 'sweep'): void {
    if (this.shared === undefined) this.#busy = what;
    else this.shared.begin(what);
  }

  end(): void {
    this.shared?.end();
    this.#busy = undefined;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resume of waiting) resume();
  }

  /** Resolves when nothing else claims for it. */
  async idle(): Promise<void> {
    if (this.shared !== undefined) return this.shared.idle();
    while (this.#busy !== undefined) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** What shares the room with it. */
  get #partner(): Mailbox | undefined {
    return this.shared ?? this.#own;
  }
}
