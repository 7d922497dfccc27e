/** Everything that the runtime itself feels: wires the signals of a node to its alerts. */
import type { HomeostatError } from '../../ground/errors.ts';
import type { Healed, Hurt } from '../../health/needs.ts';
import { abandonedSource } from './abandoned.ts';
import { AuthFailures } from './auth-failures.ts';
import { backendFailureOf } from './backend-failure.ts';
import { BackendMemory } from './backend-memory.ts';
import { breakerSource } from './breaker.ts';
import { CheckFailed } from './check-failed.ts';
import { configRejectedSource } from './config-rejected.ts';
import { DeadLetterSource } from './dead-letters.ts';
import { Depths } from './depths.ts';
import { ErrorFree } from './error-free.ts';
import { errorRates } from './error-rate.ts';
import { EventLoops } from './event-loop.ts';
import { Faster } from './faster.ts';
import { groupDroppedSource } from './group-dropped.ts';
import { LagGrowing } from './lag-growing.ts';
import { MailboxLevels, type Level } from './mailbox-level.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import { NoConsumers } from './no-consumers.ts';
import { nodeExpiredSource } from './node-expired.ts';
import { ProcessSource } from './process.ts';
import { recoveredSource } from './recovered.ts';
import { responseTimes } from './response-time.ts';
import { RetryBudgetSource } from './retry-budget.ts';
import { ServiceFailing } from './service-failing.ts';
import { lookEvery } from './ticker.ts';
import { Work, type WorkJudge } from './work.ts';
import { workerCrashLoopSource } from './worker-crash-loop.ts';

/** What the rooms of a node tell. Each is cheap, at most a few additions where messages pass, and never throws. */
export interface Sources extends Disposable {
  /** A handler has ended. `failed`: it is to blame; `code` says how it ended badly; `isCall`: somebody waited. */
  ended(mailbox: string, ms: number, failed: boolean, code: string | undefined, isCall: boolean): void;
  /** A mailbox has refused what this node sent. */
  mailboxFull(mailbox: string, level: Level): void;
  /** The backend has refused what this node wanted, or could not be reached. */
  backendFailed(error: HomeostatError): void;
  /** A call was not tried again because the retry budget is spent. */
  retryRefused(service: string): void;
  /** Whether `called` wants to know what becomes of the calls of this service. */
  watchesCalls(service: string): boolean;
  called(service: string, method: string, error: HomeostatError | undefined): void;
  /** A beat has passed, in which the event loop made others wait for so long at most. */
  stood(delayMs: number): void;
  checkHurt(hurt: Hurt): void;
  checkHealed(healed: Healed): void;
  close(): void;
}

export function startSources(needs: SourcesNeeds): Sources {
  const { policy, signal, timers, log } = needs;
  const { lookMs, criticalServices } = policy;
  const levels = given(policy.mailboxLevel, (own) => new MailboxLevels(needs, own));
  const lags = given(policy.lagGrowing, (own) => new LagGrowing(signal, own));
  const loops = given(policy.eventLoop, (own) => new EventLoops(needs, own));
  const budgets = given(policy.retryBudget, (own) => new RetryBudgetSource(needs, own));
  const auth = given(policy.authFailures, (own) => new AuthFailures(needs, own));
  const memory = given(policy.backendMemory, (own) => new BackendMemory(needs, own));
  const checks = given(policy.checks, () => new CheckFailed(needs));
  const failing = given(criticalServices.length > 0, () => new ServiceFailing(needs, policy));
  const judges: (WorkJudge | undefined)[] = [
    given(policy.errorRate, (own) => errorRates(signal, own, lookMs)),
    given(policy.responseTime, (own) => responseTimes(signal, own, lookMs)),
    given(policy.errorFree, (own) => new ErrorFree(signal, own)),
    given(policy.faster, (own) => new Faster(signal, own, timers.clock)),
  ];
  const work = new Work(present(judges), policy.faster !== false);
  const sources = present<Source>([
    given(policy.breaker, (own) => breakerSource(needs, own)),
    given(policy.nodeExpired, () => nodeExpiredSource(needs)),
    given(policy.noConsumers, (own) => new NoConsumers(needs, own)),
    levels,
    new Depths(needs, levels, lags),
    given(policy.deadLetters, () => new DeadLetterSource(needs)),
    work,
    loops,
    given(policy.workerCrashLoop, (own) => workerCrashLoopSource(needs, own)),
    budgets,
    auth,
    given(policy.configRejected, () => configRejectedSource(needs)),
    memory,
    new ProcessSource(needs),
    checks,
    failing,
    given(policy.topicGroups, () => groupDroppedSource(needs)),
    given(policy.recovered, () => recoveredSource(needs)),
    abandonedSource(needs),
  ]);
  const stopLooking = lookEvery(lookMs, sources, timers, log);

  const close = (): void => {
    stopLooking();
    for (const source of sources) source.close?.();
  };

  return {
    ended: (mailbox, ms, failed, code, isCall) => {
      work.ended(mailbox, ms, failed, isCall);
      if (code !== undefined) auth?.ended(mailbox, code);
    },
    mailboxFull: (mailbox, level) => levels?.refused(mailbox, level),
    backendFailed: (error) => {
      const failure = backendFailureOf(error);
      if (failure === 'full') memory?.refused(error);
      if (failure === 'auth') auth?.backendRefused(error);
    },
    retryRefused: (service) => budgets?.refused(service),
    watchesCalls: (service) => failing?.watches(service) === true,
    called: (service, method, error) => failing?.called(service, method, error),
    stood: (delayMs) => loops?.stood(delayMs),
    checkHurt: (hurt) => checks?.hurt(hurt),
    checkHealed: (healed) => checks?.healed(healed),
    close,
    [Symbol.dispose]: close,
  };
}

const nothing = (): void => {};

/** Where all sources are switched off. */
export const NO_SOURCES: Sources = {
  ended: nothing,
  mailboxFull: nothing,
  backendFailed: nothing,
  retryRefused: nothing,
  watchesCalls: () => false,
  called: nothing,
  stood: nothing,
  checkHurt: nothing,
  checkHealed: nothing,
  close: nothing,
  [Symbol.dispose]: nothing,
};

/** A source that is switched off is not made. */
function given<Own, Made>(own: Own | false, make: (own: Exclude<Own, false>) => Made): Made | undefined {
  return own === false ? undefined : make(own as Exclude<Own, false>);
}

function present<One>(all: readonly (One | undefined)[]): One[] {
  return all.filter((one) => one !== undefined);
}
