/** What every part of a node stands on. */
import type { Link } from '../../backend.ts';
import type { Balancer } from '../../balance/balancer.ts';
import type { ClientMiddleware, ServerMiddleware } from '../../calling/middleware.ts';
import { systemTimers, wakefulTimers, type Clock, type Timers } from '../../ground/clock.ts';
import { Deadlines } from '../../ground/deadlines.ts';
import { Flusher } from '../../ground/flusher.ts';
import type { Log } from '../../ground/log.ts';
import type { Policies } from '../../policies/policies.ts';
import type { Emitter } from '../events.ts';
import type { NodePolicy } from '../options.ts';
import type { Standing } from '../standing.ts';
import { newStats, type Stats } from '../stats.ts';

/** What a node is made from. */
export interface NodeNeeds {
  readonly link: Link;
  readonly policy: NodePolicy;
  readonly policies: Policies;
  readonly balancer: Balancer;
  readonly events: Emitter;
  readonly log: Log;
  /** More may be added to it later. */
  readonly clientMiddleware: ClientMiddleware[];
  readonly serverMiddleware: ServerMiddleware[];
}

export interface Basis extends NodeNeeds {
  readonly standing: Readonly<Standing>;
  /** The member that this node is now. */
  memberId(): string;
  /** `now()` is backend time. */
  readonly clock: Clock;
  readonly timers: Timers;
  /** Those that keep the process alive. */
  readonly wakeful: Timers;
  readonly deadlines: Deadlines;
  readonly flusher: Flusher;
  readonly stats: Stats;
}

export function basisOf(needs: NodeNeeds, standing: Readonly<Standing>): Basis {
  const { link, policy, log } = needs;
  const { clock: hands, setTimer } = link.timers ?? systemTimers;
  const clock: Clock = { now: () => link.now(), elapsed: () => hands.elapsed() };
  const wakeful: Timers = { clock, setTimer: (link.timers ?? wakefulTimers).setTimer };
  return {
    ...needs,
    log: log.child({ node: policy.name }),
    standing,
    memberId: () => standing.id,
    clock,
    timers: { clock, setTimer },
    wakeful,
    deadlines: new Deadlines(clock, wakeful.setTimer),
    flusher: new Flusher(),
    stats: newStats(),
  };
}
