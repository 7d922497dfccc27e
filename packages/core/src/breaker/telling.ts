/**
 * Tells the backend what came of the calls of one breaker. Failures are told at once, one record in flight, and what
 * happens meanwhile is the next; successes wait for the node's next round, unless they end a run of failures.
 */
import type { BreakerTally } from '../ports/breakers.ts';
import { codeOf, HomeostatError, messageOf } from '../ground/errors.ts';
import { within } from '../ground/pause.ts';
import { ANSWER_MS } from '../resilience/answer-ms.ts';
import type { TellingRounds, Teller } from './telling-rounds.ts';
import { OWN_PROBE, type LocalBreaker } from './local-breaker.ts';
import { EMPTY_TALLY, sumOfTallies, Tally } from './tally.ts';

interface ProbeOutcome {
  readonly token: string;
  readonly failed: boolean;
}

export class Telling implements Teller {
  readonly #local: LocalBreaker;
  readonly #rounds: TellingRounds;
  readonly #fresh = new Tally();
  /** Happened while the backend was away: known to this node's own breaker only. */
  #kept: BreakerTally = EMPTY_TALLY;
  #inFlight: BreakerTally = EMPTY_TALLY;
  #probe: ProbeOutcome | undefined;
  #run: Promise<void> | undefined;
  /** The node's next round will come by. */
  #noted = false;

  constructor(local: LocalBreaker, rounds: TellingRounds) {
    this.#local = local;
    this.#rounds = rounds;
  }

  succeeded(): void {
    this.#fresh.succeeded();
    if (!this.#noted) this.#note();
  }

  failed(): void {
    this.#fresh.failed();
    void this.tell();
  }

  /** A probe has ended; `nothing`: its outcome says nothing, somebody else may try. */
  probed(token: string, outcome: 'success' | 'failure' | 'nothing'): void {
    this.#local.answered(0);
    if (outcome === 'nothing') this.release(token);
    else if (token === OWN_PROBE) this.#probedAlone(outcome === 'failure');
    else {
      this.#probe = { token, failed: outcome === 'failure' };
      void this.tell();
    }
  }

  release(token: string): void {
    const { breakers, log } = this.#rounds;
    const { name } = this.#local;
    if (token === OWN_PROBE) this.#local.releaseAlone();
    else
      breakers
        .release(name, token)
        .catch((thrown: unknown) =>
          log.debug(
            { evt: 'breaker_release_failed', breaker: name, reason: messageOf(thrown) },
            'the lease ends by itself',
          ),
        );
  }

  /** Tells what there is. Resolves when everybody knows, or the backend is away. */
  tell(): Promise<void> {
    this.#suspect();
    if (this.#rounds.away) {
      this.#tellAlone();
      return Promise.resolve();
    }
    this.#run ??= this.#tellAll();
    return this.#run;
  }

  /** Tries to reach the backend again with all that it has missed. Never rejects. */
  reach(): Promise<void> {
    this.#run ??= this.#tellAll();
    return this.#run;
  }

  /** As `tell`, until nothing is left to tell. */
  async flush(): Promise<void> {
    do await this.tell();
    while (!this.#fresh.empty && !this.#rounds.away);
  }

  /** Waits for the answer to what may have opened the breaker; when there is none in time, the node decides by itself. */
  async verdict(): Promise<void> {
    if (this.#run === undefined) this.#local.suspect(EMPTY_TALLY);
    else if (
      (await within(
        this.#rounds.timers,
        ANSWER_MS,
        this.#run.then(() => true),
      )) === undefined
    )
      this.#rounds.lost();
    if (this.#rounds.away) this.#tellAlone();
  }

  /** Forgets what has not been told: the breaker was reset. */
  drop(): void {
    this.#fresh.take();
    this.#kept = EMPTY_TALLY;
  }

  /** Whether there is something that must not wait for the next round. */
  get #pressing(): boolean {
    if (this.#probe !== undefined || this.#fresh.failures > 0 || this.#kept.failures > 0) return true;
    return this.#local.failing && !this.#fresh.empty;
  }

  #note(): void {
    if (this.#local.failing) void this.tell();
    else {
      this.#noted = true;
      this.#rounds.note(this);
    }
  }

  #suspect(): void {
    const untold = sumOfTallies(this.#kept, this.#fresh.peek());
    if (untold.failures > 0 && !this.#local.alone) this.#local.suspect(sumOfTallies(this.#inFlight, untold));
  }

  async #tellAll(): Promise<void> {
    do {
      const told =
        this.#probe === undefined ? await this.#record(this.#takeAll()) : await this.#recordProbe(this.#probe);
      if (!told) break;
    } while (this.#pressing);
    this.#run = undefined;
  }

  /** Alone in its record: what else happened has nothing to do with it. */
  #recordProbe({ token, failed }: ProbeOutcome): Promise<boolean> {
    this.#probe = undefined;
    const [successes, failures] = failed ? [0, 1] : [1, 0];
    return this.#record({ successes, failures, trailingFailures: failures, probe: token });
  }

  async #record(tally: BreakerTally): Promise<boolean> {
    const { breakers, nodeId, log } = this.#rounds;
    const local = this.#local;
    this.#inFlight = tally;
    try {
      local.accept(await breakers.record(local.name, tally, local.policy, nodeId(), local.known));
      this.#inFlight = EMPTY_TALLY;
      if (tally.probe !== undefined) local.answered(0);
      this.#suspect();
      this.#rounds.found();
      return true;
    } catch (thrown) {
      log.debug({ evt: 'breaker_record_failed', breaker: local.name, code: codeOf(thrown) }, messageOf(thrown));
      this.#unconfirmed(tally, thrown);
      return false;
    }
  }

  #takeAll(): BreakerTally {
    const all = sumOfTallies(this.#kept, this.#fresh.take());
    this.#kept = EMPTY_TALLY;
    this.#noted = false;
    return all;
  }

  /** What may have arrived is not told again: a failure counted twice opens a breaker too soon. */
  #unconfirmed(tally: BreakerTally, thrown: unknown): void {
    this.#inFlight = EMPTY_TALLY;
    const lost = thrown instanceof HomeostatError && thrown.outcome === 'not-executed';
    if (lost && tally.probe === undefined) this.#kept = sumOfTallies(tally, this.#kept);
    if (!this.#local.alone) this.#local.takeOver(tally, this.#rounds.nodeId());
    this.#rounds.lost();
    this.#tellAlone();
  }

  #tellAlone(): void {
    const by = this.#rounds.nodeId();
    if (!this.#local.alone) this.#local.takeOver(this.#inFlight, by);
    const fresh = this.#fresh.take();
    this.#noted = false;
    this.#local.recordAlone(fresh, by);
    this.#kept = sumOfTallies(this.#kept, fresh);
    this.#rounds.note(this);
  }

  #probedAlone(failed: boolean): void {
    const [successes, failures] = failed ? [0, 1] : [1, 0];
    const by = this.#rounds.nodeId();
    this.#local.recordAlone({ successes, failures, trailingFailures: failures, probe: OWN_PROBE }, by);
  }
}
