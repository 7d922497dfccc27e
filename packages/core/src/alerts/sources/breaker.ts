/** A shared breaker has opened: something that is called fails so often that nobody may call it now. */
import type { RaiseOptions } from '../alert.ts';
import type { BreakerState } from '../../ports/breakers.ts';
import { isOpen } from './find.ts';
import type { ConditionFacts, Source, SourcesNeeds } from './needs.ts';
import { withScope } from './pains.ts';

/** Whoever opened it tells of it; when nobody has after this, ms, others do: it may have died of the same. */
const TELL_AFTER_MS = 1_000;
/** So many others: one of them may hang. */
const STAND_INS = 2;

/** @param alertAt share of failed calls from which on it is critical. */
export function breakerSource(needs: SourcesNeeds, { alertAt }: { readonly alertAt: number }): Source {
  const { signal, events, timers, selfId, rank } = needs;
  /** Name → how it opened, of those that are open by themselves. */
  const open = new Map<string, BreakerState>();
  const waiting = new Set<() => void>();

  const tell = (state: BreakerState): void => signal.raise(painOf(state, alertAt));

  const standIn = (state: BreakerState): void => {
    if (open.get(state.name) !== state || rank(state.name) >= STAND_INS) return;
    if (!isOpen(needs, factsOf(state.name))) tell(state);
  };

  const opened = (state: BreakerState): void => {
    open.set(state.name, state);
    if (state.by === selfId()) return tell(state);
    const cancel = timers.setTimer(TELL_AFTER_MS, () => {
      waiting.delete(cancel);
      standIn(state);
    });
    waiting.add(cancel);
  };

  const off = events.on('breaker', ({ to, state }) => {
    if (to === 'open' && !state.manual) opened(state);
    else if (to !== 'half_open') open.delete(state.name);
    // Every node does: whoever told of it may be no more.
    if (to === 'closed') signal.clear(factsOf(state.name));
  });

  return {
    close: () => {
      off();
      for (const cancel of waiting) cancel();
    },
  };
}

function painOf(state: BreakerState, alertAt: number): RaiseOptions {
  const { name, windowFailures: failures, windowSuccesses, reason, openings } = state;
  const calls = failures + windowSuccesses;
  const failureRate = calls === 0 ? 1 : failures / calls;
  return withScope(factsOf(name), {
    severity: failureRate >= alertAt ? 'critical' : 'high',
    message: `${name}: the breaker is open (${reason}); ${failures} of the last ${calls} calls failed`,
    metrics: { failureRate, failures, calls, openings },
  });
}

/** `service.method`, or what somebody has named it. */
function factsOf(name: string): ConditionFacts {
  const dot = name.indexOf('.');
  const kind = 'breaker-open';
  return dot < 1 || dot === name.length - 1
    ? { kind, scope: name }
    : { kind, service: name.slice(0, dot), method: name.slice(dot + 1) };
}
