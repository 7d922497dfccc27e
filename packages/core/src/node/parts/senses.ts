/** What the sources of alerts are told by the parts of a node. */
import { NO_SOURCES, startSources, type Sources } from '../../alerts/sources/sources.ts';
import type { ServedMailbox } from '../../alerts/sources/needs.ts';
import type { BackendMemory } from '../../backend.ts';
import type { Calling } from '../../calling/calling.ts';
import { mailboxesOf, mailboxOfLine } from '../../contract/lines.ts';
import type { Timers } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import type { MailboxDepth } from '../../ports/broker.ts';
import type { Scaler } from '../../scaling/scaler.ts';
import type { NodePolicy } from '../options.ts';
import type { Served } from '../served/served.ts';
import type { ServedActors } from '../served/served-actors.ts';
import type { SharedState } from './shared-state.ts';

export interface SensesNeeds {
  readonly policy: NodePolicy;
  readonly timers: Timers;
  readonly log: Log;
  readonly shared: SharedState;
  readonly calling: Calling;
  readonly actors: Pick<ServedActors, 'all'>;
  readonly scaler: Pick<Scaler, 'numbers'>;
  memberId(): string;
  depth(mailbox: string): Promise<MailboxDepth>;
  backendMemory(): BackendMemory | undefined;
}

/** The sources of a node, unless its options switch them off. */
export function startSenses(needs: SensesNeeds): Sources {
  const { policy, timers, log, shared, calling, actors, scaler, memberId, depth, backendMemory } = needs;
  const { sources } = policy.alerts;
  if (sources === false) return NO_SOURCES;
  const { registry, alerts } = shared;
  return startSources({
    policy: sources,
    signal: alerts.signal,
    events: calling.events,
    timers,
    log,
    stallMs: policy.beat.stallMs,
    selfId: memberId,
    rank: (text) => shared.rank(text),
    lives: (nodeId) => registry.has(nodeId),
    isServed: (mailbox) => registry.isServed(mailboxOfLine(mailbox)),
    alerts: () => alerts.view.all(),
    onAlert: (listener) => alerts.view.onChange(listener),
    served: () => actors.all.map(asMailbox),
    numbers: (mailbox) => scaler.numbers(mailbox),
    depth,
    sentTo: () => calling.sending.sentTo(),
    callStats: () => calling.resilience.counters.stats(),
    backendMemory,
  });
}

function asMailbox({ actor, dispatcher }: Served): ServedMailbox {
  const { maxLength, maxBytes } = actor.policy;
  // Each line may hold as much; one that is full says so to whoever sends.
  const lines = mailboxesOf(actor.contract).length;
  return {
    mailbox: actor.contract.mailbox,
    maxLength: maxLength * lines,
    maxBytes: maxBytes * lines,
    saturated: dispatcher.load >= 1 || dispatcher.paused !== undefined,
    frameSize: dispatcher.frameSize,
  };
}
