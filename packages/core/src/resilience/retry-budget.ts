/** Draws the permits for retries from the shared budget: one request to the backend at a time, what comes meanwhile is the next. */
import type { Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { BUDGET_SECONDS, type PermitAnswer, type PermitRequest, type Permits } from '../ports/permits.ts';
import { drawn, newRetryBucket, type RetryBucket } from './retry-bucket.ts';
import type { RetryPolicy } from '../policies/service-settings.ts';
import { within } from '../ground/pause.ts';
import { ANSWER_MS } from './answer-ms.ts';

export type BudgetTerms = Pick<RetryPolicy, 'budgetRatio' | 'budgetPerSecond' | 'slots' | 'slotMs'>;

export interface BudgetNeeds {
  readonly permits: Permits;
  readonly timers: Timers;
  readonly log: Log;
  /** So much of the service is tried again that a retry was refused. Must not throw. */
  readonly spent?: ((service: string) => void) | undefined;
}

/** How long the slot of a permit is away, ms; undefined: there is none. */
type Permit = number | undefined;

/** The budget of one service on the terms of one policy. */
export class RetryBudget {
  /** First tries since the backend was last told: the hot end, counted by whoever sends. */
  requests = 0;
  readonly #service: string;
  readonly #terms: BudgetTerms;
  readonly #needs: BudgetNeeds;
  /** This node's own, for when the shared one is out of reach. */
  #alone: RetryBucket | undefined;
  #waiting: ((permit: Permit) => void)[] = [];
  #asking = false;
  #toldAt: number;

  constructor(service: string, terms: BudgetTerms, needs: BudgetNeeds) {
    this.#service = service;
    this.#terms = terms;
    this.#needs = needs;
    this.#toldAt = needs.timers.clock.elapsed();
  }

  /** Asks for one retry. Never rejects. */
  take(): Promise<Permit> {
    if (this.#terms.budgetRatio === 0 && this.#terms.budgetPerSecond === 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#asking) void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const answer = await this.#answer(this.#request(waiting.length));
      if (answer.granted < waiting.length) this.#needs.spent?.(this.#service);
      waiting.forEach((resolve, index) => resolve(index < answer.granted ? (answer.waitsMs[index] ?? 0) : undefined));
    }
    this.#asking = false;
  }

  /** What was sent longer ago than the budget remembers has earned nothing that is left: only the last seconds count. */
  #request(wanted: number): PermitRequest {
    const now = this.#needs.timers.clock.elapsed();
    const remembered = Math.min(1, (BUDGET_SECONDS * 1_000) / Math.max(1, now - this.#toldAt));
    const requests = Math.ceil(this.requests * remembered);
    this.requests = 0;
    this.#toldAt = now;
    const { budgetRatio: ratio, budgetPerSecond: minPerSecond, slots, slotMs } = this.#terms;
    return { requests, wanted, ratio, minPerSecond, slots, slotMs };
  }

  async #answer(request: PermitRequest): Promise<PermitAnswer> {
    const { permits, timers, log } = this.#needs;
    const asked = permits.take(this.#service, request).catch((thrown: unknown) => {
      log.debug(
        { evt: 'retry_budget_local', service: this.#service, reason: messageOf(thrown) },
        'budget of this node',
      );
      return undefined;
    });
    const shared = await within(timers, ANSWER_MS, asked);
    return shared ?? this.#answerAlone(request, timers.clock.now());
  }

  #answerAlone(request: PermitRequest, now: number): PermitAnswer {
    const { bucket, answer } = drawn(this.#alone ?? newRetryBucket(request.minPerSecond, now), request, now);
    this.#alone = bucket;
    return answer;
  }
}

/** The budgets of a node: one per service and terms, so that clients of one service share theirs. */
export class RetryBudgets {
  readonly #needs: BudgetNeeds;
  readonly #budgets = new Map<string, RetryBudget>();

  constructor(needs: BudgetNeeds) {
    this.#needs = needs;
  }

  of(service: string, terms: BudgetTerms): RetryBudget {
    const key = `${service} ${terms.budgetRatio} ${terms.budgetPerSecond} ${terms.slots} ${terms.slotMs}`;
    let budget = this.#budgets.get(key);
    if (budget === undefined) this.#budgets.set(key, (budget = new RetryBudget(service, terms, this.#needs)));
    return budget;
  }
}
