/** What a node serves with: all that its actors have in common. */
import type { Sources } from '../../alerts/sources/sources.ts';
import type { Calling } from '../../calling/calling.ts';
import { CastNumbers } from '../../calling/held-casts.ts';
import { serviceOf } from '../../registry/instance.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Sending } from '../../sending/sending.ts';
import { ClaimedBodies } from '../../serving/gates/claim-check.ts';
import type { DispatcherParts } from '../served/make-served.ts';
import { ServedActors } from '../served/served-actors.ts';
import type { Basis } from './basis.ts';
import type { Correspondence } from './correspondence.ts';
import type { Settling } from './settling.ts';

export interface ServingNeeds {
  readonly sending: Sending;
  readonly settling: Settling;
  readonly calling: Calling;
  readonly registry: Registry;
  readonly correspondence: Correspondence;
  readonly ended: Sources['ended'];
  readonly failed: Sources['backendFailed'];
}

/** What a handler of this node is to blame for; other codes are its answers. */
const BLAMED: ReadonlySet<string> = new Set(['HANDLER', 'HANDLER_TIMEOUT', 'INTERNAL', 'WORKER']);

export function servingOn(basis: Basis, needs: ServingNeeds): ServedActors {
  const { link, policy, policies, flusher, serverMiddleware } = basis;
  const { calling, registry, correspondence, failed } = needs;
  return new ServedActors({
    broker: link.broker,
    once: link.once,
    policies,
    middleware: serverMiddleware,
    defaults: policy,
    correspondence,
    keyed: {
      partitions: link.partitions,
      broker: link.broker,
      registry,
      split: calling.split,
      flusher,
      castNumbers: new CastNumbers(),
      failed,
    },
    parts: dispatcherParts(basis, needs),
  });
}

function dispatcherParts(basis: Basis, needs: ServingNeeds): DispatcherParts {
  const { link, policy, deadlines, clock, log, stats, memberId, wakeful } = basis;
  const { sending, settling, calling, registry, correspondence, ended } = needs;
  return {
    calling,
    sending,
    deadlines,
    clock,
    log,
    stats,
    maxBodyBytes: policy.maxBodyBytes,
    settler: () => settling.settler,
    memberId,
    mark: (batch, index) => settling.mark(batch, index),
    announcedElsewhere: (mailbox, method) => registry.knows(mailbox, method, memberId()),
    satisfiedElsewhere: (mailbox, tags) =>
      registry.peek(serviceOf(mailbox), { tags }).some((one) => one.mailbox === mailbox && one.nodeId !== memberId()),
    gates: correspondence.gates,
    claimedBodies: new ClaimedBodies(calling.claimCheck),
    limiting: {
      limits: link.limits,
      timers: wakeful,
      nodes: (service) => registry.peek(service).length,
    },
    ended: (mailbox, ms, code, isCall) => ended(mailbox, ms, code !== undefined && BLAMED.has(code), code, isCall),
  };
}
