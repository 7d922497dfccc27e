/** Whether this node should be sent work, and whether it is worth keeping. The judging is pure. */

/** What the rest of the node knows. */
export interface Facts {
  readonly member: boolean;
  readonly backendConnected: boolean;
  /** When a beat was answered last (elapsed ms); absent before the first. */
  readonly lastBeatAt?: number | undefined;
  readonly draining: boolean;
  readonly closed?: boolean | undefined;
  /** When a mailbox was read last, even if nothing was in it (elapsed ms); absent where none is read. */
  readonly readersProgressAt?: number | undefined;
  /** Mailboxes this node was asked to serve and does not read. */
  readonly unserved?: readonly string[] | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not. */
  readonly reasons: readonly string[];
}

export interface Liveness {
  readonly alive: boolean;
  /** Why not. */
  readonly reasons: readonly string[];
}

/** A beat that is not answered for this long, or for two intervals where that is more, is a loss, ms. */
const BEAT_LOST_MS = 2_000;

/** What says that the backend is lost at `at` (elapsed ms). */
export function lossReasons(facts: Facts, at: number, beatMs: number): readonly string[] {
  const reasons: string[] = [];
  const lostMs = Math.max(BEAT_LOST_MS, 2 * beatMs);
  if (!facts.backendConnected) reasons.push('the backend is not connected');
  if (!facts.member) reasons.push('the node is no member');
  if (facts.lastBeatAt === undefined) reasons.push('no beat was answered yet');
  else if (at - facts.lastBeatAt > lostMs) reasons.push(`no beat was answered for ${lostMs} ms`);
  return reasons;
}

/** What is still to be seen after a loss at `lostAt`: to be connected again is no proof that anything moves. */
export function missingProof(facts: Facts, lostAt: number, roundTripAt: number | undefined): readonly string[] {
  const reasons: string[] = [];
  const since = (moment: number | undefined): boolean => moment !== undefined && moment > lostAt;
  if (!since(facts.lastBeatAt)) reasons.push('no beat was answered since the loss');
  if (!since(roundTripAt)) reasons.push('no round trip since the loss');
  if (facts.readersProgressAt !== undefined && !since(facts.readersProgressAt))
    reasons.push('no mailbox was read since the loss');
  return reasons;
}

/** Why work should not be sent here though the backend is there. */
export function refusalReasons(facts: Facts): readonly string[] {
  const reasons: string[] = [];
  if (facts.closed === true) reasons.push('the node is closed');
  else if (facts.draining) reasons.push('the node is draining');
  for (const mailbox of facts.unserved ?? []) reasons.push(`${mailbox} is not read`);
  return reasons;
}

export function judgeLiveness(closed: boolean, stoodMs: number, evictMs: number): Liveness {
  const reasons: string[] = [];
  if (closed) reasons.push('the node is closed');
  if (stoodMs > evictMs) reasons.push(`the event loop stood for more than ${evictMs} ms`);
  return { alive: reasons.length === 0, reasons };
}

/** Red at the first sign of a loss; green only with proof that things move again. */
export class ReadinessGate {
  /** It was green before: only what was there can be lost. */
  #proven = false;
  #lostAt: number | undefined;
  #roundTripAt: number | undefined;
  #asking = false;
  readonly #beatMs: number;
  readonly #elapsed: () => number;
  readonly #roundTrip: () => Promise<unknown>;

  constructor(beatMs: number, elapsed: () => number, roundTrip: () => Promise<unknown>) {
    this.#beatMs = beatMs;
    this.#elapsed = elapsed;
    this.#roundTrip = roundTrip;
  }

  /** Looks at the facts; to be asked at every beat at least, so that no loss is missed. */
  look(facts: Facts): readonly string[] {
    const at = this.#elapsed();
    const lost = lossReasons(facts, at, this.#beatMs);
    if (lost.length > 0) {
      if (this.#proven) this.#lostAt = at;
      return lost;
    }
    this.#proven = true;
    if (this.#lostAt === undefined) return [];
    const missing = missingProof(facts, this.#lostAt, this.#roundTripAt);
    if (missing.length === 0) this.#lostAt = undefined;
    else void this.#ask();
    return missing;
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const startedAt = this.#elapsed();
      await this.#roundTrip();
      this.#roundTripAt = startedAt;
    } catch {
      // No proof: it is asked for again at the next look.
    }
    this.#asking = false;
  }
}
