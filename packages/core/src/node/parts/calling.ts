/** What a node calls with. */
import type { Calling, CallWatch } from '../../calling/calling.ts';
import { ClaimCheck } from '../../calling/claim-check.ts';
import { Routing, type RoutingNeeds } from '../../calling/routing.ts';
import { SplitMailboxes } from '../../calling/split-mailboxes.ts';
import { pipelineNeeds } from '../../resilience/pipeline.ts';
import type { Sending } from '../../sending/sending.ts';
import type { Basis } from './basis.ts';
import type { Correspondence } from './correspondence.ts';
import type { SharedState } from './shared-state.ts';

export interface CallingNeeds {
  readonly sending: Sending;
  readonly shared: Pick<SharedState, 'registry' | 'breaking'>;
  readonly correspondence: Pick<Correspondence, 'incoming' | 'cancelling'>;
  readonly local: RoutingNeeds['local'];
  readonly watch: CallWatch;
  /** A call was not tried again because the retry budget is spent. Must not throw. */
  retryRefused(service: string): void;
}

export function callingOn(basis: Basis, needs: CallingNeeds): Calling {
  const { link, policy, policies, events, balancer, clock, wakeful, log } = basis;
  const { sending, shared, correspondence, local, watch, retryRefused } = needs;
  const { registry, breaking } = shared;
  return {
    sending,
    policies,
    events,
    streams: correspondence.incoming,
    cancelling: correspondence.cancelling,
    middleware: basis.clientMiddleware,
    sendHooks: new Set(),
    routing: new Routing({ registry, balancer, local }),
    resilience: pipelineNeeds({
      link,
      timers: wakeful,
      breaking,
      log,
      maxBodyBytes: policy.maxBodyBytes,
      budgetSpent: retryRefused,
    }),
    claimCheck: new ClaimCheck(link.state),
    watch,
    split: new SplitMailboxes({
      partitions: link.partitions,
      registry,
      clock,
      busy: (mailbox) => sending.busy(mailbox),
    }),
  };
}
