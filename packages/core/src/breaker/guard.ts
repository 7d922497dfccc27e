/** One breaker at work: lets calls pass or not, and counts what comes of them. */
import type { BreakerPolicy, BreakerState } from '../ports/breakers.ts';
import type { CircuitOpen } from '../ground/errors.ts';
import { within } from '../ground/pause.ts';
import { ANSWER_MS } from '../resilience/answer-ms.ts';
import type { TellingRounds } from './telling-rounds.ts';
import { LocalBreaker, OWN_PROBE, type PhaseListener } from './local-breaker.ts';
import { Telling } from './telling.ts';

/** A probe's lease outlasts the deadline of its call by this, ms … */
const LEASE_SLACK_MS = 1_000;
/** … and never lasts longer, ms. */
const MAX_LEASE_MS = 60_000;
/** How often one call asks before it takes no for an answer. */
const MAX_QUESTIONS = 3;

/** What a failure says of what was called. `timeout`: only if the backend was there. `answer`: that it works. */
export type Verdict = 'failure' | 'timeout' | 'answer' | 'nothing';

export class Guard {
  readonly local: LocalBreaker;
  readonly telling: Telling;
  readonly #rounds: TellingRounds;

  constructor(name: string, policy: BreakerPolicy, rounds: TellingRounds, turned: PhaseListener) {
    this.#rounds = rounds;
    this.local = new LocalBreaker(name, policy, rounds.clock, turned);
    this.telling = new Telling(this.local, rounds);
  }

  get state(): BreakerState {
    return this.local.state;
  }

  refused(): CircuitOpen {
    this.#rounds.refusals += 1;
    return this.local.refusal();
  }

  failed(verdict: Verdict): void {
    if (verdict === 'failure') this.telling.failed();
    else if (verdict === 'timeout') void this.#failedUnlessAway();
  }

  /** Runs what was told to ask first. @param deadline backend time, ms. */
  async asked<Value>(deadline: number, run: () => Promise<Value>, judge: (thrown: unknown) => Verdict): Promise<Value> {
    for (let question = 0; question < MAX_QUESTIONS; question += 1) {
      if (this.local.state.phase === 'closed') await this.telling.verdict();
      else {
        const token = await this.#probe(deadline);
        if (token !== undefined) return this.#runProbe(token, run, judge);
      }
      const admission = this.local.admit();
      if (admission === 'yes') return this.run(run, judge);
      if (admission === 'no') break;
    }
    throw this.refused();
  }

  /** Runs what was admitted. */
  async run<Value>(run: () => Promise<Value>, judge: (thrown: unknown) => Verdict): Promise<Value> {
    try {
      const value = await run();
      this.telling.succeeded();
      return value;
    } catch (thrown) {
      this.failed(judge(thrown));
      throw thrown;
    }
  }

  async #runProbe<Value>(
    token: string,
    run: () => Promise<Value>,
    judge: (thrown: unknown) => Verdict,
  ): Promise<Value> {
    try {
      const value = await run();
      this.telling.probed(token, 'success');
      return value;
    } catch (thrown) {
      const verdict = judge(thrown);
      const failed = verdict === 'failure' || (verdict === 'timeout' && (await this.#rounds.alive()));
      if (failed) this.telling.probed(token, 'failure');
      else this.telling.probed(token, verdict === 'answer' ? 'success' : 'nothing');
      throw thrown;
    }
  }

  /** Answers the token of the probe; undefined: somebody else has it. Only one caller of the node asks at a time. */
  async #probe(deadline: number): Promise<string | undefined> {
    const { breakers, clock, timers, nodeId, away } = this.#rounds;
    const { local } = this;
    const leaseMs = Math.ceil(Math.min(MAX_LEASE_MS, Math.max(0, deadline - clock.now()) + LEASE_SLACK_MS));
    local.ask();
    if (away || local.alone) return this.#probeAlone(leaseMs);
    let late = false;
    const asked = breakers.probe(local.name, leaseMs, local.policy, nodeId()).then((answer) => {
      // Nobody waits for it any more: the lease must not hold the others up.
      if (late && answer.kind === 'granted') this.telling.release(answer.token);
      return answer;
    });
    const answer = await within(timers, ANSWER_MS, asked);
    late = answer === undefined;
    if (answer === undefined) {
      this.#rounds.lost();
      return this.#probeAlone(leaseMs);
    }
    local.accept(answer.state);
    local.answered(answer.kind === 'granted' ? clock.now() + leaseMs : answer.retryAt);
    return answer.kind === 'granted' ? answer.token : undefined;
  }

  #probeAlone(leaseMs: number): string | undefined {
    this.#rounds.note(this.telling);
    const granted = this.local.probeAlone(leaseMs, this.#rounds.nodeId());
    this.local.answered(this.#rounds.clock.now() + (granted ? leaseMs : 0));
    return granted ? OWN_PROBE : undefined;
  }

  async #failedUnlessAway(): Promise<void> {
    if (await this.#rounds.alive()) this.telling.failed();
  }
}
